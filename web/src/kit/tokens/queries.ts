import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../../api/client';
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

/** One token, by its masked form: a list of one. */
export const apiTokenQuery = (token: string) =>
  queryOptions({
    queryKey: ['api-tokens', 'one', token],
    queryFn: () => answeredWithRevision(api.GET('/api/admin/api-tokens/{token}', { params: { path: { token } } })),
    meta: { touchedBy: kinds('api-token') },
  });
