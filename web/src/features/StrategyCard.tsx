import { useQueryClient } from '@tanstack/react-query';
import { Copy, EllipsisVertical, Pencil, Power, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { ConstraintText } from '../kit/constraints/ConstraintText';
import { DifferenceList } from '../kit/diff/DifferenceList';
import { EnvironmentName } from '../kit/EnvironmentName';
import { draftOf, type FeatureStrategy, readable, rolloutOf, strategyLabel } from '../kit/strategy/strategy';
import { VariantSplit } from '../kit/strategy/VariantSplit';
import { toast } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { Badge, Bar } from '../ui/Bits';
import { Button, IconButton } from '../ui/Button';
import { cx } from '../ui/cx';
import { Menu } from '../ui/Menu';
import { useFeatureRefusals } from './can';
import type { FeatureUrl } from './FeaturePage';

type Props = {
  projectId: string;
  feature: Schemas['Feature'];
  environment: Schemas['FeatureEnvironment'];
  strategy: FeatureStrategy;
  segments: { id: number; name: string }[];
  /** Moves it among the strategies beside it. */
  grip: ReactNode;
};

/** One strategy as it is read: whom it admits, how many of them, with which variants. */
export function StrategyCard(props: Props) {
  const { projectId, feature, environment, strategy, segments, grip } = props;
  const queries = useQueryClient();
  const [, setUrl] = useUrl<FeatureUrl>();
  const refusals = useFeatureRefusals(projectId);
  const label = strategyLabel(strategy);
  const share = rolloutOf(strategy);
  const path = { projectId, featureName: feature.name, environment: environment.name, strategyId: strategy.id };
  const cannotUpdate = refusals.updateStrategy(environment.name);
  const draft = readable(draftOf(strategy), segments);
  const touched = () => refresh(queries, [{ kind: 'feature', id: feature.name, project: projectId }]);

  function askToSwitch() {
    const disabled = !strategy.disabled;
    const isLast =
      disabled && environment.enabled && environment.strategies.filter((one) => !one.disabled).length === 1;
    confirm({
      title: disabled ? `Disable ${label}` : `Enable ${label}`,
      verb: disabled ? 'Disable strategy' : 'Enable strategy',
      danger: disabled && environment.type === 'production',
      body: (
        <>
          <p>
            <EnvironmentName name={environment.name} type={environment.type} />{' '}
            {disabled ? 'It admits nobody while it is disabled.' : 'It admits people again as it says.'}
            {isLast && ' It is the last enabled one: the feature is turned off in this environment.'}
          </p>
          <DifferenceList before={{ disabled: strategy.disabled }} after={{ disabled }} />
        </>
      ),
      act: async () => {
        await answered(
          api.PATCH(
            '/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}',
            {
              params: { path },
              body: [{ op: 'replace', path: '/disabled', value: disabled }],
            },
          ),
        );
        await touched();
      },
    });
  }

  function askToDelete() {
    const isLast = environment.enabled && environment.strategies.length === 1;
    confirm({
      title: `Delete ${label}`,
      verb: 'Delete strategy',
      danger: true,
      body: (
        <>
          <p>
            <EnvironmentName name={environment.name} type={environment.type} /> Whom only this strategy admits no longer
            gets {feature.name}.{isLast && ' It is the last one: the feature is turned off in this environment.'}
          </p>
          <DifferenceList before={draft} after={{}} />
        </>
      ),
      act: async () => {
        await answered(
          api.DELETE(
            '/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}',
            { params: { path } },
          ),
        );
        await touched();
        toast(`${label} is deleted.`);
      },
    });
  }

  function askToCopy(to: Schemas['FeatureEnvironment']) {
    const { name, title, disabled, parameters, constraints, segments: ids, variants } = strategy;
    confirm({
      title: `Copy ${label} to ${to.name}`,
      verb: 'Copy strategy',
      body: (
        <>
          <p>
            <EnvironmentName name={to.name} type={to.type} /> gets this strategy after those that it has.
          </p>
          <DifferenceList before={{}} after={draft} />
        </>
      ),
      act: async () => {
        await answered(
          api.POST('/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies', {
            params: { path: { projectId, featureName: feature.name, environment: to.name } },
            body: { name, parameters, constraints, segments: ids, variants, disabled, ...(title ? { title } : {}) },
          }),
        );
        await touched();
        toast(`${label} is copied to ${to.name}.`);
      },
    });
  }

  return (
    <article aria-label={label} className={cx('rounded-md border px-3 py-2', strategy.disabled && 'bg-sunken')}>
      <div className="flex items-start gap-2">
        {grip}
        <div className="min-w-0 flex-1">
          <h3 className="flex flex-wrap items-center gap-x-2 font-medium">
            {label}
            {strategy.disabled && <Badge tone="warn">disabled</Badge>}
          </h3>
          <p className="mt-0.5 flex flex-wrap items-center gap-2 text-sm">
            <Bar percent={share} />
            <span>
              <strong>{share} %</strong> of{' '}
              {strategy.constraints.length + strategy.segments.length > 0 ? 'those who fit' : 'everybody'}
              {strategy.parameters.stickiness && (
                <span className="text-soft"> · stickiness {strategy.parameters.stickiness}</span>
              )}
            </span>
          </p>
        </div>
        <div className="flex shrink-0">
          <IconButton
            label={`Edit ${label}`}
            icon={<Pencil size={15} />}
            disabledReason={cannotUpdate}
            onPress={() => setUrl({ dialog: 'strategy', environment: environment.name, strategy: strategy.id }, 'push')}
          />
          <Menu
            label={`More for ${label}`}
            trigger={<Button kind="quiet" icon={<EllipsisVertical size={15} />} aria-label={`More for ${label}`} />}
            entries={[
              {
                label: strategy.disabled ? 'Enable' : 'Disable',
                icon: <Power size={15} />,
                act: askToSwitch,
                disabledReason: cannotUpdate,
              },
              ...feature.environments
                .filter(({ name }) => name !== environment.name)
                .map((other) => ({
                  label: `Copy to ${other.name}`,
                  icon: <Copy size={15} />,
                  act: () => askToCopy(other),
                  disabledReason: refusals.addStrategy(other.name),
                })),
              'line' as const,
              {
                label: 'Delete',
                icon: <Trash2 size={15} />,
                act: askToDelete,
                danger: true,
                disabledReason: refusals.deleteStrategy(environment.name),
              },
            ]}
          />
        </div>
      </div>
      {(strategy.constraints.length > 0 || strategy.segments.length > 0) && (
        <ul className="mt-2 flex flex-col gap-1 border-l-2 pl-3 text-sm">
          {strategy.segments.map((id) => (
            <li key={id}>
              <span className="text-soft">in segment</span>{' '}
              <span className="font-medium">
                {segments.find((segment) => segment.id === id)?.name ?? `number ${id}`}
              </span>
            </li>
          ))}
          {strategy.constraints.map((constraint, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: constraints have no identity but their place
            <li key={place}>
              <ConstraintText constraint={constraint} />
            </li>
          ))}
        </ul>
      )}
      {strategy.variants.length > 0 && (
        <div className="mt-2">
          <VariantSplit variants={strategy.variants} />
        </div>
      )}
    </article>
  );
}
