import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../api/client';
import { kinds } from '../api/live';

export const strategyQuery = (name: string) =>
  queryOptions({
    queryKey: ['strategies', name],
    queryFn: () => answeredWithRevision(api.GET('/api/admin/strategies/{name}', { params: { path: { name } } })),
    meta: { touchedBy: (change) => change.kind === 'strategy' && change.id === name },
  });

/** The strategies of this type, of all features that are not archived. */
export const strategyUsesQuery = (name: string) =>
  queryOptions({
    queryKey: ['strategies', name, 'uses'],
    queryFn: () => answered(api.GET('/api/admin/strategies/{name}/features', { params: { path: { name } } })),
    meta: { touchedBy: kinds('feature') },
  });
