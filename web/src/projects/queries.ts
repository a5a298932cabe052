import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';
import { kinds } from '../api/live';

export const projectsQuery = (archived: boolean) =>
  queryOptions({
    queryKey: ['projects', archived],
    queryFn: () => answered(api.GET('/api/admin/projects', { params: { query: { archived } } })),
    meta: { touchedBy: kinds('project', 'feature', 'favorites') },
  });

export const projectEnvironmentsQuery = (projectId: string) =>
  queryOptions({
    queryKey: ['project', projectId, 'environments'],
    queryFn: () =>
      answered(api.GET('/api/admin/environments/project/{projectId}', { params: { path: { projectId } } })),
    meta: { touchedBy: ({ kind, id }) => kind === 'environment' || (kind === 'project' && id === projectId) },
  });

export const projectStatusQuery = (projectId: string) =>
  queryOptions({
    queryKey: ['project', projectId, 'status'],
    queryFn: () => answered(api.GET('/api/admin/projects/{projectId}/status', { params: { path: { projectId } } })),
    meta: { touchedBy: ({ kind, project }) => kind === 'feature' && project === projectId },
  });

export const projectApplicationsQuery = (projectId: string) =>
  queryOptions({
    queryKey: ['project', projectId, 'applications'],
    queryFn: () =>
      answered(
        api.GET('/api/admin/projects/{projectId}/applications', {
          params: { path: { projectId }, query: { limit: '1000' } },
        }),
      ),
    staleTime: 0,
  });
