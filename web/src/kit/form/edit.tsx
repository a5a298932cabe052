import { type ReactNode, useState } from 'react';
import { ApiError } from '../../api/errors';
import { Note } from '../../ui/Bits';
import { Button } from '../../ui/Button';
import { DifferenceList } from '../diff/DifferenceList';

export type Read<R> = { value: R; etag: string | null };

/**
 * Edits a thing that others may edit at the same time. `read` is what it is now (the live stream keeps it so), `fields`
 * takes from it what the form edits. When it has become something else since the form was opened, `conflict` shows
 * what, and nothing is saved until one of the two was chosen.
 */
export function useEdit<R, F>(
  form: { getValues: () => F; reset: (fields: F) => void },
  read: Read<R>,
  fields: (value: R) => F,
): { save: (put: (etag: string | null) => Promise<unknown>) => Promise<void>; conflict: ReactNode } {
  // What the form began from: it is compared with what the thing is by now.
  const [base, setBase] = useState(read);
  const [refused, setRefused] = useState<Read<R>>();
  const now = refused ?? read;
  const changed = now.etag !== base.etag && JSON.stringify(fields(now.value)) !== JSON.stringify(fields(base.value));

  async function save(put: (etag: string | null) => Promise<unknown>) {
    if (changed) throw new Error('Somebody else has changed this meanwhile. Choose first what is to be kept.');
    // The form's fields are as they were: what else has changed about the thing is no conflict.
    try {
      await put(now.etag ?? base.etag);
    } catch (error) {
      if (error instanceof ApiError && error.status === 412 && error.current) {
        setRefused({ value: error.current as R, etag: error.etag });
        throw new Error('Somebody else has changed this just now. What they changed is shown above.');
      }
      throw error;
    }
  }

  function keepMine() {
    setBase(now);
  }

  function takeTheirs() {
    form.reset(fields(now.value));
    setBase(now);
  }

  const conflict = changed ? (
    <Note tone="warn">
      <div className="flex flex-col gap-2">
        <p>Somebody else has saved changes since you began:</p>
        <DifferenceList before={fields(base.value)} after={fields(now.value)} />
        <p>What you would save, compared with theirs:</p>
        <DifferenceList before={fields(now.value)} after={form.getValues()} />
        <div className="flex flex-wrap gap-2">
          <Button onPress={keepMine}>Keep mine</Button>
          <Button onPress={takeTheirs}>Take theirs</Button>
        </div>
      </div>
    </Note>
  ) : null;
  return { save, conflict };
}
