import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';
import { kinds } from '../api/live';

export const profileQuery = queryOptions({
  queryKey: ['profile'],
  queryFn: () => answered(api.GET('/api/admin/user/profile')),
  meta: { touchedBy: kinds('user', 'role', 'project') },
});

export const personalTokensQuery = queryOptions({
  queryKey: ['personal-tokens'],
  queryFn: () => answered(api.GET('/api/admin/user/tokens')),
  meta: { touchedBy: kinds('personal-token') },
});
