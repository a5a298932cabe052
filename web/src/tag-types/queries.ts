import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../api/client';
import { kinds } from '../api/live';

export const tagTypesQuery = queryOptions({
  queryKey: ['tag-types'],
  queryFn: () => answered(api.GET('/api/admin/tag-types')),
  meta: { touchedBy: kinds('tag-type') },
});

export const tagTypeQuery = (name: string) =>
  queryOptions({
    queryKey: ['tag-types', name],
    queryFn: () => answeredWithRevision(api.GET('/api/admin/tag-types/{name}', { params: { path: { name } } })),
    meta: { touchedBy: (change) => change.kind === 'tag-type' && change.id === name },
  });
