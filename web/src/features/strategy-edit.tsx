import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { answered, api, ifMatch, type Schemas } from '../api/client';
import { errorText } from '../api/errors';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { DifferenceList } from '../kit/diff/DifferenceList';
import { EnvironmentName } from '../kit/EnvironmentName';
import { useEdit } from '../kit/form/edit';
import { segmentsQuery } from '../kit/queries';
import { StrategyForm } from '../kit/strategy/StrategyForm';
import {
  draftOf,
  newDraft,
  readable,
  type StrategyDraft,
  strategyFaults,
  strategyLabel,
  strategyWarnings,
} from '../kit/strategy/strategy';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { useFeatureRefusals } from './can';
import { type Place, strategyQuery } from './queries';

type Props = {
  projectId: string;
  feature: Schemas['Feature'];
  environment: Schemas['FeatureEnvironment'];
  onClose: () => void;
};

export function CreateStrategy({ kind, ...props }: Props & { kind: string }) {
  const { projectId, feature, environment } = props;
  const refusals = useFeatureRefusals(projectId);
  const place: Place = { projectId, featureName: feature.name, environment: environment.name };
  const [draft, setDraft] = useState(() => newDraft(kind, feature.name));
  return (
    <StrategyDialog
      {...props}
      title={`Add strategy: ${strategyLabel({ name: kind })}`}
      verb="Add strategy"
      draft={draft}
      onChange={setDraft}
      before={undefined}
      others={environment.strategies}
      refused={refusals.addStrategy(environment.name)}
      save={() =>
        answered(
          api.POST('/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies', {
            params: { path: place },
            body: draft,
          }),
        )
      }
    />
  );
}

export function EditStrategy({ strategyId, ...props }: Props & { strategyId: string }) {
  const { projectId, feature, environment } = props;
  const refusals = useFeatureRefusals(projectId);
  const place: Place = { projectId, featureName: feature.name, environment: environment.name };
  const { data } = useSuspenseQuery(strategyQuery(place, strategyId));
  const [draft, setDraft] = useState(() => draftOf(data.value));
  const edit = useEdit({ getValues: () => draft, reset: setDraft }, data, draftOf);
  return (
    <StrategyDialog
      {...props}
      title={`Edit ${strategyLabel(data.value)}`}
      verb="Save strategy"
      draft={draft}
      onChange={setDraft}
      before={draftOf(data.value)}
      others={environment.strategies.filter(({ id }) => id !== strategyId)}
      refused={refusals.updateStrategy(environment.name)}
      notice={edit.conflict}
      save={() =>
        edit.save((etag) =>
          answered(
            api.PUT(
              '/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}',
              {
                params: { path: { ...place, strategyId } },
                body: draft,
                headers: ifMatch(etag),
              },
            ),
          ),
        )
      }
    />
  );
}

type DialogProps = Props & {
  title: string;
  verb: string;
  draft: StrategyDraft;
  onChange: (draft: StrategyDraft) => void;
  /** What is stored now; nothing for a new strategy. */
  before: StrategyDraft | undefined;
  others: Parameters<typeof strategyWarnings>[1];
  refused: string | undefined;
  notice?: React.ReactNode;
  save: () => Promise<unknown>;
};

function StrategyDialog(props: DialogProps) {
  const {
    projectId,
    feature,
    environment,
    title,
    verb,
    draft,
    onChange,
    before,
    others,
    refused,
    notice,
    save,
    onClose,
  } = props;
  const queries = useQueryClient();
  const { data: segments } = useQuery(segmentsQuery);
  const [fault, setFault] = useState<string>();
  const [busy, setBusy] = useState(false);
  // The dialog's own save, as it is when the question is answered.
  const latest = useRef(save);
  latest.current = save;
  const faults = strategyFaults(draft);
  const warnings = strategyWarnings(draft, others);
  const names = segments?.segments ?? [];
  const change = (
    <DifferenceList
      before={before ? readable(before, names) : {}}
      after={readable(draft, names)}
      empty="Nothing changes yet."
    />
  );

  async function act() {
    setBusy(true);
    setFault(undefined);
    try {
      await latest.current();
      await refresh(queries, [{ kind: 'feature', id: feature.name, project: projectId }]);
      onClose();
    } finally {
      setBusy(false);
    }
  }

  function submit() {
    if (environment.type !== 'production') return void act().catch((error) => setFault(errorText(error)));
    confirm({
      title: `${verb} in ${environment.name}`,
      verb,
      body: (
        <>
          <p>
            <EnvironmentName name={environment.name} type={environment.type} />{' '}
            {environment.enabled
              ? `${feature.name} is on there: this counts at once.`
              : `${feature.name} is off there: this counts once it is turned on.`}
          </p>
          {change}
          {warnings.map((warning) => (
            <Note key={warning} tone="warn">
              {warning}
            </Note>
          ))}
        </>
      ),
      act,
    });
  }

  return (
    <Dialog
      title={title}
      size="large"
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button kind="primary" onPress={submit} isPending={busy} disabledReason={refused ?? faults[0]}>
            {verb}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-5">
        <p className="text-soft">
          {feature.name} in <EnvironmentName name={environment.name} type={environment.type} />
        </p>
        {notice}
        <StrategyForm draft={draft} onChange={onChange} projectId={projectId} featureName={feature.name} />
        <section>
          <h3 className="mb-2 font-semibold">What saving does</h3>
          <div className="flex flex-col gap-2">
            {change}
            {warnings.map((warning) => (
              <Note key={warning} tone="warn">
                {warning}
              </Note>
            ))}
          </div>
        </section>
        {fault && <Note tone="bad">{fault}</Note>}
      </div>
    </Dialog>
  );
}
