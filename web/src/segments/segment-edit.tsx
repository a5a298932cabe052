import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { answered, api, ifMatch, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { constraintText } from '../kit/constraints/operators';
import { DifferenceList } from '../kit/diff/DifferenceList';
import { useEdit } from '../kit/form/edit';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useSegmentRefusals } from './can';
import { segmentQuery, segmentUsesQuery } from './queries';
import { bodyOf, type SegmentDraft, SegmentForm, segmentFault } from './SegmentForm';

export function draftOf({ name, description, project, constraints }: Schemas['Segment']): SegmentDraft {
  return { name, description: description ?? '', project: project ?? '', constraints };
}

const readable = ({ constraints, ...rest }: SegmentDraft) => ({
  ...rest,
  constraints: constraints.map((one) => constraintText(one, 20)),
});

/** A change to a segment counts wherever it is used: it is asked, with the features that it touches. */
export function EditSegment({ id, onClose }: { id: number; onClose: () => void }) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(segmentQuery(id));
  const { data: uses } = useSuspenseQuery(segmentUsesQuery(id));
  const refusals = useSegmentRefusals(data.value.project ?? undefined);
  const [draft, setDraft] = useState(() => draftOf(data.value));
  const edit = useEdit({ getValues: () => draft, reset: setDraft }, data, draftOf);
  const latest = useRef(edit.save);
  latest.current = edit.save;
  const features = new Set(uses.strategies.map(({ featureName }) => featureName));

  function askToSave() {
    confirm({
      title: `Save segment ${draft.name}`,
      verb: 'Save segment',
      body: (
        <>
          <DifferenceList before={readable(draftOf(data.value))} after={readable(draft)} />
          {features.size > 0 && (
            <Note tone="warn">
              {features.size === 1 ? 'One feature uses it' : `${features.size} features use it`}:{' '}
              {[...features].slice(0, 10).join(', ')}
              {features.size > 10 && ` and ${features.size - 10} more`}. The change counts for all of them at once.
            </Note>
          )}
        </>
      ),
      act: () =>
        latest.current(async (etag) => {
          await answered(
            api.PUT('/api/admin/segments/{id}', {
              params: { path: { id } },
              body: bodyOf(draft),
              headers: ifMatch(etag),
            }),
          );
          await refresh(queries, [{ kind: 'segment', id: String(id) }]);
          onClose();
        }),
    });
  }

  return (
    <Dialog
      title={`Edit segment ${data.value.name}`}
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button kind="primary" disabledReason={refusals.update ?? segmentFault(draft)} onPress={askToSave}>
            Save segment
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        {edit.conflict}
        <SegmentForm draft={draft} onChange={setDraft} />
      </div>
    </Dialog>
  );
}
