import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../api/client';

export const segmentQuery = (id: number) =>
  queryOptions({
    queryKey: ['segments', id],
    queryFn: () => answeredWithRevision(api.GET('/api/admin/segments/{id}', { params: { path: { id } } })),
    meta: { touchedBy: (change) => change.kind === 'segment' && change.id === String(id) },
  });

/** Which strategies, and which projects' default strategies, use it. */
export const segmentUsesQuery = (id: number) =>
  queryOptions({
    queryKey: ['segments', id, 'uses'],
    queryFn: () => answered(api.GET('/api/admin/segments/{id}/strategies', { params: { path: { id } } })),
    meta: { touchedBy: ({ kind }) => kind === 'feature' || kind === 'project' },
  });
