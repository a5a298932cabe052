import { queryOptions } from '@tanstack/react-query';
import { answeredWithRevision, api } from '../api/client';

export const strategyQuery = (name: string) =>
  queryOptions({
    queryKey: ['strategies', name],
    queryFn: () => answeredWithRevision(api.GET('/api/admin/strategies/{name}', { params: { path: { name } } })),
    meta: { touchedBy: (change) => change.kind === 'strategy' && change.id === name },
  });
