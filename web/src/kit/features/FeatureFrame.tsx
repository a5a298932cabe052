import { useSuspenseQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { paths } from '../../paths';
import { Badge } from '../../ui/Bits';
import { Page } from '../layout/Page';
import { featureQuery } from '../queries';
import { useSession } from '../session';
import { Favorite } from './Favorite';

export function useFeature(projectId: string, featureName: string) {
  const { data } = useSuspenseQuery(featureQuery(projectId, featureName));
  return { ...data.value, etag: data.etag };
}

/** The frame of all pages of one feature: its name, its state, its tabs. */
export function FeatureFrame(props: {
  projectId: string;
  featureName: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const { projectId, featureName, actions, children } = props;
  const { feature } = useFeature(projectId, featureName);
  const { projects } = useSession();
  return (
    <Page
      title={featureName}
      about={feature.description}
      crumbs={[
        { name: 'Projects', link: paths.projects() },
        { name: projects.find(({ id }) => id === projectId)?.name ?? projectId, link: paths.project(projectId) },
      ]}
      marks={
        <>
          <Favorite project={projectId} feature={featureName} favorite={feature.favorite ?? false} />
          <Badge>{feature.type}</Badge>
          <Badge tone="accent">{feature.lifecycle.stage}</Badge>
          {feature.stale && <Badge tone="warn">stale</Badge>}
          {feature.archived && <Badge tone="warn">archived</Badge>}
        </>
      }
      actions={actions}
      tabs={[
        { name: 'Strategies', link: paths.feature(projectId, featureName), exact: true },
        { name: 'Who sees this?', link: paths.featureWho(projectId, featureName) },
        { name: 'Exposure', link: paths.featureExposure(projectId, featureName) },
        { name: 'Events', link: paths.featureEvents(projectId, featureName) },
        { name: 'Settings', link: paths.featureSettings(projectId, featureName) },
      ]}
    >
      {children}
    </Page>
  );
}
