import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../../api/client';
import { kinds } from '../../api/live';

/** The context fields that there are, whatever their project. */
export const knownFieldsQuery = queryOptions({
  queryKey: ['context-fields', 'known'],
  queryFn: () => answered(api.GET('/api/admin/context')),
  meta: { touchedBy: kinds('context-field') },
});
