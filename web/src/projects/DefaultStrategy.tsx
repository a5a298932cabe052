import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { errorText } from '../api/errors';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { StrategyForm } from '../kit/strategy/StrategyForm';
import { newDraft, type StrategyDraft, strategyFaults } from '../kit/strategy/strategy';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useProjectRefusals } from './can';
import { projectEnvironmentsQuery } from './queries';

type Stored = Schemas['ProjectEnvironment']['defaultStrategy'];

/** The strategy that features of the project get when they are turned on there without one. */
export function DefaultStrategy({
  projectId,
  environment,
  onClose,
}: {
  projectId: string;
  environment: string;
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(projectEnvironmentsQuery(projectId));
  const refusals = useProjectRefusals(projectId);
  const stored = data.environments.find(({ name }) => name === environment)?.defaultStrategy;
  const [draft, setDraft] = useState(() => draftOf(stored));
  // The server has no revision of it: the strategy itself tells whether it is still what the form began from.
  const read = { value: stored, etag: JSON.stringify(stored ?? null) };
  const edit = useEdit({ getValues: () => draft, reset: setDraft }, read, draftOf);
  const [fault, setFault] = useState<string>();

  async function save() {
    try {
      await edit.save(() =>
        answered(
          api.POST('/api/admin/projects/{projectId}/environments/{environment}/default-strategy', {
            params: { path: { projectId, environment } },
            body: draft,
          }),
        ),
      );
      await refresh(queries, [{ kind: 'project', id: projectId }]);
      onClose();
    } catch (error) {
      setFault(errorText(error));
    }
  }

  return (
    <Dialog
      title={`Default strategy in ${environment}`}
      size="large"
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            kind="primary"
            disabledReason={refusals.defaultStrategy ?? strategyFaults(draft)[0]}
            onPress={() => void save()}
          >
            Save default strategy
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-5">
        <p className="text-soft">
          Features that are turned on there without a strategy begin with this one. Those that have one keep it.
        </p>
        {edit.conflict}
        <StrategyForm draft={draft} onChange={setDraft} projectId={projectId} featureName="" />
        {fault && <Note tone="bad">{fault}</Note>}
      </div>
    </Dialog>
  );
}

function draftOf(stored: Stored): StrategyDraft {
  const begun = newDraft(stored?.name ?? 'flexibleRollout', '');
  if (!stored) return begun;
  const { title, disabled, parameters, constraints = [], segments = [], variants = [] } = stored;
  return {
    ...begun,
    title: title ?? '',
    disabled: disabled ?? false,
    parameters: {
      ...begun.parameters,
      ...Object.fromEntries(Object.entries(parameters ?? {}).map(([key, value]) => [key, String(value)])),
    },
    constraints,
    segments,
    variants,
  };
}
