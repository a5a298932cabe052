import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../api/client';
import { kinds } from '../api/live';

/** Those that there are, and the providers that there can be. */
export const integrationsQuery = queryOptions({
  queryKey: ['integrations'],
  queryFn: () => answered(api.GET('/api/admin/addons')),
  meta: { touchedBy: kinds('integration') },
});

export const integrationQuery = (id: number) =>
  queryOptions({
    queryKey: ['integrations', id],
    queryFn: () => answeredWithRevision(api.GET('/api/admin/addons/{id}', { params: { path: { id } } })),
    meta: { touchedBy: (change) => change.kind === 'integration' && change.id === String(id) },
  });

export const deliveriesShown = 50;

export const deliveriesQuery = (id: number, page: number) =>
  queryOptions({
    queryKey: ['integrations', id, 'deliveries', page],
    queryFn: () => {
      const query = { limit: String(deliveriesShown), offset: String((page - 1) * deliveriesShown) };
      return answered(api.GET('/api/admin/addons/{id}/events', { params: { path: { id }, query } }));
    },
    // A delivery is no commit, so the live stream does not tell of it.
    refetchInterval: 5000,
    meta: { touchedBy: (change) => change.kind === 'integration' && change.id === String(id) },
  });
