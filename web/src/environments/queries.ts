import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../api/client';
import { kinds } from '../api/live';

export const environmentsQuery = queryOptions({
  queryKey: ['environments'],
  queryFn: () => answered(api.GET('/api/admin/environments')),
  meta: { touchedBy: kinds('environment', 'project', 'feature', 'api-token') },
});

export const environmentQuery = (name: string) =>
  queryOptions({
    queryKey: ['environments', name],
    queryFn: () => answeredWithRevision(api.GET('/api/admin/environments/{name}', { params: { path: { name } } })),
    meta: { touchedBy: (change) => change.kind === 'environment' && change.id === name },
  });
