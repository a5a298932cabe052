import { queryOptions, useSuspenseQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { answeredWithRevision, api } from '../api/client';
import { paths } from '../paths';
import { Badge } from '../ui/Bits';
import { Favorite } from './features/Favorite';
import { Page } from './layout/Page';

/** A project's own data, environments, mode, naming, counts, and the revision to send back when it is changed. */
export const projectQuery = (projectId: string) =>
  queryOptions({
    queryKey: ['project', projectId],
    queryFn: () =>
      answeredWithRevision(api.GET('/api/admin/projects/{projectId}/overview', { params: { path: { projectId } } })),
    meta: {
      touchedBy: ({ kind, id, project }) =>
        (kind === 'project' && id === projectId) ||
        kind === 'favorites' ||
        kind === 'environment' ||
        (kind === 'feature' && project === projectId),
    },
  });

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
