import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../../api/client';
import { kinds } from '../../api/live';

/** All tokens, or those that are for a project. */
export const apiTokensQuery = (projectId?: string) =>
  queryOptions({
    queryKey: ['api-tokens', projectId ?? '*'],
    queryFn: () =>
      answered(
        projectId === undefined
          ? api.GET('/api/admin/api-tokens')
          : api.GET('/api/admin/projects/{projectId}/api-tokens', { params: { path: { projectId } } }),
      ),
    meta: { touchedBy: kinds('api-token', 'environment') },
  });
