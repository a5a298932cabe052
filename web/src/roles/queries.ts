import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';
import { kinds } from '../api/live';

/** All roles and what each allows, and all permissions that there are. */
export const rolesQuery = queryOptions({
  queryKey: ['roles'],
  queryFn: () => answered(api.GET('/api/admin/roles')),
  meta: { touchedBy: kinds('role') },
});
