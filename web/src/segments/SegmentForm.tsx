import { useSuspenseQuery } from '@tanstack/react-query';
import type { Schemas } from '../api/client';
import { ConstraintList } from '../kit/constraints/ConstraintList';
import { constraintFault } from '../kit/constraints/operators';
import { contextFieldsQuery } from '../kit/queries';
import { useSession } from '../kit/session';
import { SelectField, TextField } from '../ui/Fields';

/** What a person edits of a segment. */
export type SegmentDraft = { name: string; description: string; project: string; constraints: Schemas['Constraint'][] };

export function segmentFault({ name, constraints }: SegmentDraft): string | undefined {
  if (name.trim() === '') return 'Give the segment a name.';
  for (const [place, constraint] of constraints.entries()) {
    const fault = constraintFault(constraint);
    if (fault) return `Constraint ${place + 1}: ${fault}`;
  }
  return undefined;
}

/** As the server takes it. */
export function bodyOf({ project, ...draft }: SegmentDraft): Schemas['SegmentInput'] {
  return { ...draft, ...(project ? { project } : {}) };
}

export function SegmentForm({
  draft,
  onChange,
  error,
}: {
  draft: SegmentDraft;
  onChange: (draft: SegmentDraft) => void;
  error?: string | undefined;
}) {
  const { data: fields } = useSuspenseQuery(contextFieldsQuery);
  const { projects } = useSession();
  return (
    <>
      <TextField
        label="Name"
        required
        autoFocus
        value={draft.name}
        onChange={(name) => onChange({ ...draft, name })}
        error={error}
      />
      <TextField
        label="Description"
        rows={2}
        value={draft.description}
        onChange={(description) => onChange({ ...draft, description })}
      />
      <SelectField
        label="Project"
        description="A segment of one project can be used there alone."
        value={draft.project || 'all'}
        onChange={(project) => onChange({ ...draft, project: project === 'all' ? '' : project })}
        options={[
          { value: 'all', label: 'All projects' },
          ...projects.map(({ id, name }) => ({ value: id, label: name })),
        ]}
      />
      <section className="flex flex-col gap-2">
        <h3 className="text-sm font-medium">Who belongs to it</h3>
        <p className="text-sm text-soft">
          {draft.constraints.length === 0
            ? 'Everybody, as long as there is no constraint.'
            : 'Those who fit all of these.'}
        </p>
        <ConstraintList
          constraints={draft.constraints}
          onChange={(constraints) => onChange({ ...draft, constraints })}
          fields={fields}
        />
      </section>
    </>
  );
}
