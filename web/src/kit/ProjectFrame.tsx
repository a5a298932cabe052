import { useSuspenseQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { paths } from '../paths';
import { Badge } from '../ui/Bits';
import { Favorite } from './features/Favorite';
import { Page } from './layout/Page';
import { projectQuery } from './queries';

/** The frame of all pages of one project: its name and its tabs. */
export function ProjectFrame({
  projectId,
  actions,
  children,
}: {
  projectId: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const { value: data } = useSuspenseQuery(projectQuery(projectId)).data;
  return (
    <Page
      title={data.name}
      about={data.description}
      crumbs={[{ name: 'Projects', link: paths.projects() }]}
      marks={
        <>
          <Favorite project={projectId} favorite={data.favorite} />
          {data.mode !== 'open' && <Badge tone="violet">{data.mode}</Badge>}
          {data.archivedAt && <Badge tone="warn">archived</Badge>}
        </>
      }
      actions={actions}
      tabs={[
        { name: 'Features', link: paths.project(projectId), exact: true },
        { name: 'Insights', link: paths.projectInsights(projectId) },
        { name: 'Applications', link: paths.projectApplications(projectId) },
        { name: 'Events', link: paths.projectEvents(projectId) },
        { name: 'Archive', link: paths.projectArchive(projectId) },
        { name: 'API tokens', link: paths.projectTokens(projectId) },
        { name: 'Connect an SDK', link: paths.connect(projectId) },
        { name: 'Settings', link: paths.projectSettings(projectId) },
      ]}
    >
      {children}
    </Page>
  );
}
