import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { answered, api } from '../api/client';
import { ApiError, errorText } from '../api/errors';
import { refresh } from '../api/live';
import { paths } from '../paths';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useSegmentRefusals } from './can';
import { bodyOf, type SegmentDraft, SegmentForm, segmentFault } from './SegmentForm';

export function CreateSegment({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const router = useRouter();
  const refusals = useSegmentRefusals();
  const [draft, setDraft] = useState<SegmentDraft>({ name: '', description: '', project: '', constraints: [] });
  const [fault, setFault] = useState<unknown>();
  const ofName = fault instanceof ApiError ? fault.fieldMessages().name : undefined;

  async function create() {
    try {
      const { id } = await answered(api.POST('/api/admin/segments', { body: bodyOf(draft) }));
      await refresh(queries, [{ kind: 'segment', id: String(id) }]);
      await router.navigate(paths.segment(id));
    } catch (error) {
      setFault(error);
    }
  }

  return (
    <Dialog
      title="Create segment"
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button kind="primary" disabledReason={refusals.create ?? segmentFault(draft)} onPress={() => void create()}>
            Create segment
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <SegmentForm draft={draft} onChange={setDraft} error={ofName} />
        {fault !== undefined && !ofName && <Note tone="bad">{errorText(fault)}</Note>}
      </div>
    </Dialog>
  );
}
