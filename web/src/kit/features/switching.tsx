import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client';
import { refresh } from '../../api/live';
import { Note } from '../../ui/Bits';
import { Switch } from '../../ui/Fields';
import { confirm } from '../confirm/confirm';
import { EnvironmentName } from '../EnvironmentName';
import { type Refusal, useRefusal } from '../session';
import { toastError } from '../toast/toasts';

/** One feature in one environment. */
export type SwitchedPlace = {
  project: string;
  feature: string;
  environment: string;
  type: string;
  enabled: boolean;
  hasStrategies: boolean;
  hasEnabledStrategies: boolean;
};

/** As `TurnOn` and `TurnOff` in `crates/flagstone-model/src/commands/features.rs`. */
export function useSwitchRefusal(): (project: string, environment: string) => Refusal {
  const refusal = useRefusal();
  return (project, environment) => refusal('UPDATE_FEATURE_ENVIRONMENT', project, environment);
}

/** The switch of a feature in an environment. It moves at once, and back with a word if the server refuses. */
export function FeatureSwitch({ place, hideLabel = true }: { place: SwitchedPlace; hideLabel?: boolean }) {
  const queries = useQueryClient();
  const refusal = useSwitchRefusal();
  const [wanted, setWanted] = useState<boolean>();
  const { project, feature, environment, type, enabled } = place;
  const on = wanted ?? enabled;
  const idle = on && place.hasStrategies && !place.hasEnabledStrategies;

  async function act(next: boolean) {
    setWanted(next);
    try {
      await switchFeature(queries, place, next);
    } finally {
      setWanted(undefined);
    }
  }

  function change(next: boolean) {
    if (type !== 'production' && !(next && place.hasStrategies && !place.hasEnabledStrategies)) {
      void act(next).catch(toastError);
      return;
    }
    confirm({
      title: next ? `Turn ${feature} on in ${environment}` : `Turn ${feature} off in ${environment}`,
      verb: next ? 'Turn on' : 'Turn off',
      danger: type === 'production' && !next,
      body: <WhatItDoes place={place} next={next} />,
      act: () => act(next),
    });
  }

  return (
    <Switch
      label={`${feature} in ${environment}`}
      hideLabel={hideLabel}
      on={on}
      idle={idle}
      pending={wanted !== undefined}
      disabledReason={refusal(project, environment)}
      onChange={change}
    />
  );
}

function WhatItDoes({ place, next }: { place: SwitchedPlace; next: boolean }) {
  const { feature, environment, type } = place;
  return (
    <div className="flex flex-col gap-3">
      <p>
        <EnvironmentName name={environment} type={type} />{' '}
        {next ? (
          <>SDKs there will have {feature} for everybody whom its strategies admit.</>
        ) : (
          <>SDKs there will have {feature} for nobody. Its strategies stay as they are.</>
        )}
      </p>
      {next && !place.hasStrategies && (
        <Note tone="warn">
          It has no strategy there yet. The project’s default strategy is added, else one for everybody.
        </Note>
      )}
      {next && place.hasStrategies && !place.hasEnabledStrategies && (
        <Note tone="warn">All its strategies there are disabled. They are enabled with it.</Note>
      )}
    </div>
  );
}

export async function switchFeature(queries: QueryClient, place: SwitchedPlace, on: boolean): Promise<void> {
  const { project: projectId, feature: featureName, environment } = place;
  const path = { projectId, featureName, environment };
  const activates = on && place.hasStrategies && !place.hasEnabledStrategies;
  await answered(
    on
      ? api.POST('/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/on', {
          params: { path, query: activates ? { shouldActivateDisabledStrategies: true } : {} },
        })
      : api.POST('/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/off', {
          params: { path },
        }),
  );
  await refresh(queries, [{ kind: 'feature', id: featureName, project: projectId }]);
}

/** Where a feature of a list is switched. */
export function placeOf(
  feature: { name: string; project: string },
  environment: Schemas['FeatureEnvironmentRow'],
): SwitchedPlace {
  return {
    project: feature.project,
    feature: feature.name,
    environment: environment.name,
    type: environment.type,
    enabled: environment.enabled,
    hasStrategies: environment.hasStrategies,
    hasEnabledStrategies: environment.hasEnabledStrategies,
  };
}
