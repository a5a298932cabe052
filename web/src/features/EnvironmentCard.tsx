import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { EnvironmentName } from '../kit/EnvironmentName';
import { FeatureSwitch } from '../kit/features/switching';
import { useOrder } from '../kit/order/useOrder';
import { strategyTypesQuery } from '../kit/queries';
import { strategyLabel } from '../kit/strategy/strategy';
import { useUrl } from '../kit/url';
import { Bar } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Menu } from '../ui/Menu';
import { Time } from '../ui/Time';
import { useFeatureRefusals } from './can';
import type { FeatureUrl } from './FeaturePage';
import { StrategyCard } from './StrategyCard';

type Props = {
  projectId: string;
  feature: Schemas['Feature'];
  environment: Schemas['FeatureEnvironment'];
  segments: { id: number; name: string }[];
};

/** A feature in one environment: its switch, and whom its strategies admit. */
export function EnvironmentCard({ projectId, feature, environment, segments }: Props) {
  const queries = useQueryClient();
  const [, setUrl] = useUrl<FeatureUrl>();
  const refusals = useFeatureRefusals(projectId);
  const [asksKinds, setAsksKinds] = useState(false);
  const { data: kinds } = useQuery({ ...strategyTypesQuery, enabled: asksKinds });
  const { name, type, enabled, lastSeenAt, yes, no } = environment;
  const strategies = environment.strategies.toSorted((one, other) => one.sortOrder - other.sortOrder);
  const asked = yes + no;

  function add(kind: string) {
    setUrl({ dialog: 'strategy', environment: name, strategy: `new:${kind}` }, 'push');
  }

  const order = useOrder(
    strategies.map(({ id }) => id),
    async (ids) => {
      await answered(
        api.POST(
          '/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/set-sort-order',
          {
            params: { path: { projectId, featureName: feature.name, environment: name } },
            body: ids.map((id, sortOrder) => ({ id, sortOrder })),
          },
        ),
      );
      await refresh(queries, [{ kind: 'feature', id: feature.name, project: projectId }]);
    },
    refusals.updateStrategy(name),
  );

  const otherKinds = (kinds?.strategies ?? []).filter((kind) => !kind.deprecated && kind.name !== 'flexibleRollout');
  return (
    <section
      aria-label={name}
      className={
        type === 'production' ? 'rounded-lg border border-l-4 border-l-bad bg-surface' : 'rounded-lg border bg-surface'
      }
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2.5">
        <FeatureSwitch
          place={{
            project: projectId,
            feature: feature.name,
            environment: name,
            type,
            enabled,
            hasStrategies: strategies.length > 0,
            hasEnabledStrategies: strategies.some(({ disabled }) => !disabled),
          }}
        />
        <h2 className="flex items-center gap-2">
          <EnvironmentName name={name} type={type} />
          <span className="text-sm font-medium">
            {enabled ? (strategies.some(({ disabled }) => !disabled) ? 'On' : 'On, but nobody gets it') : 'Off'}
          </span>
        </h2>
        <span className="ml-auto text-sm text-soft">
          {asked > 0 && (
            <>
              <Bar percent={(yes / asked) * 100} tone="good" /> {Math.round((yes / asked) * 100)} % of{' '}
              {asked.toLocaleString('en')} in the last hour ·{' '}
            </>
          )}
          last seen <Time at={lastSeenAt} />
        </span>
      </div>
      <div className="flex flex-col gap-2 px-4 py-3">
        {strategies.length === 0 && (
          <p className="text-soft">No strategy yet: a strategy says who gets the feature once it is on.</p>
        )}
        {strategies.length > 1 && (
          <p className="text-sm text-soft">
            Whoever is admitted by one of these gets the feature. The first that admits somebody gives the variant.
          </p>
        )}
        <ol className="flex flex-col gap-2">
          {order.shown.map((id) => {
            const strategy = strategies.find((one) => one.id === id);
            return (
              strategy && (
                <li key={id}>
                  <StrategyCard
                    projectId={projectId}
                    feature={feature}
                    environment={environment}
                    strategy={strategy}
                    segments={segments}
                    grip={strategies.length > 1 && order.grip(id, strategyLabel(strategy))}
                  />
                </li>
              )
            );
          })}
        </ol>
        {order.announcement}
        <div className="flex flex-wrap gap-2">
          <Button
            icon={<Plus size={15} aria-hidden="true" />}
            aria-label={`Add strategy in ${name}`}
            disabledReason={refusals.addStrategy(name)}
            onPress={() => add('flexibleRollout')}
          >
            Add strategy
          </Button>
          {!refusals.addStrategy(name) && (
            <Menu
              label={`Other strategies in ${name}`}
              onOpen={() => setAsksKinds(true)}
              trigger={
                <Button kind="quiet" aria-label={`Add another kind of strategy in ${name}`}>
                  Another kind
                </Button>
              }
              entries={otherKinds.map((kind) => ({
                label: kind.title || strategyLabel(kind),
                act: () => add(kind.name),
              }))}
            />
          )}
        </div>
      </div>
    </section>
  );
}
