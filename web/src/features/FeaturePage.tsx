import { Link, useParams } from '@tanstack/react-router';
import { Suspense } from 'react';
import { Empty } from '../kit/Empty';
import { FeatureFrame, useFeature } from '../kit/features/FeatureFrame';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Note } from '../ui/Bits';
import { buttonClass } from '../ui/Button';
import { EnvironmentCard } from './EnvironmentCard';
import { FeatureFacts } from './FeatureFacts';
import { CreateStrategy, EditStrategy } from './strategy-edit';

export type FeatureUrl = { environment?: string; dialog?: string; strategy?: string };

export function FeaturePage() {
  const { projectId, featureName } = useParams({ from: '/signed-in/projects/$projectId/features/$featureName' });
  const { feature, tags, segments } = useFeature(projectId, featureName);
  const [{ environment, dialog, strategy }, setUrl] = useUrl<FeatureUrl>();
  const chosen = feature.environments.find(({ name }) => name === environment);
  const neverSeen = feature.environments.every(({ lastSeenAt }) => !lastSeenAt);

  function close() {
    setUrl({ dialog: '', strategy: '', environment: '' });
  }

  return (
    <FeatureFrame projectId={projectId} featureName={featureName}>
      {neverSeen && (
        <Note>
          <div className="flex flex-wrap items-center justify-between gap-2">
            <span>No application has asked for this feature yet.</span>
            <Link {...paths.connect(projectId, featureName)} className={buttonClass()}>
              Connect an SDK
            </Link>
          </div>
        </Note>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_18rem]">
        <div className="flex flex-col gap-4">
          {feature.environments.length === 0 && (
            <Empty title="This project has no environments">
              Add one in the project’s settings: strategies belong to an environment.
            </Empty>
          )}
          {feature.environments.map((one) => (
            <EnvironmentCard
              key={one.name}
              projectId={projectId}
              feature={feature}
              environment={one}
              segments={segments}
            />
          ))}
        </div>
        <FeatureFacts feature={feature} tags={tags} />
      </div>
      <Suspense fallback={null}>
        {dialog === 'strategy' && chosen && strategy?.startsWith('new:') && (
          <CreateStrategy
            projectId={projectId}
            feature={feature}
            environment={chosen}
            kind={strategy.slice(4)}
            onClose={close}
          />
        )}
        {dialog === 'strategy' && chosen && strategy && !strategy.startsWith('new:') && (
          <EditStrategy
            key={strategy}
            projectId={projectId}
            feature={feature}
            environment={chosen}
            strategyId={strategy}
            onClose={close}
          />
        )}
      </Suspense>
    </FeatureFrame>
  );
}
