import { X } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { errorText } from '../../api/errors';
import { IconButton } from '../../ui/Button';
import { cx } from '../../ui/cx';

type Toast = { id: number; text: string; tone: 'good' | 'bad' };

let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function set(changed: Toast[]) {
  toasts = changed;
  for (const listener of listeners) listener();
}

function add(text: string, tone: Toast['tone']) {
  const id = next++;
  set([...toasts.slice(-3), { id, text, tone }]);
  // A failure stays until it was read.
  if (tone === 'good') setTimeout(() => dismiss(id), 4000);
}

function dismiss(id: number) {
  set(toasts.filter((toast) => toast.id !== id));
}

/** Says in a corner what was done, where no other place tells. */
export function toast(text: string) {
  add(text, 'good');
}

/** Says in a corner what failed, where no other place can. */
export function toastError(error: unknown) {
  add(errorText(error), 'bad');
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="pointer-events-none fixed right-3 bottom-3 z-60 flex w-80 max-w-[calc(100vw-1.5rem)] flex-col gap-2">
      {shown.map(({ id, text, tone }) => (
        <div
          key={id}
          role={tone === 'bad' ? 'alert' : 'status'}
          className={cx(
            'pointer-events-auto flex animate-appear items-start justify-between gap-2 rounded-md border bg-raised px-3 py-2 text-sm shadow-lg',
            tone === 'bad' ? 'border-bad text-bad' : 'border-line-strong',
          )}
        >
          <span className="py-1">{text}</span>
          <IconButton label="Dismiss" icon={<X size={14} />} onPress={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
