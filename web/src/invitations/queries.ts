import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';
import { kinds } from '../api/live';

export const invitationsQuery = queryOptions({
  queryKey: ['invitations'],
  queryFn: () => answered(api.GET('/api/admin/invite-link/tokens')),
  meta: { touchedBy: kinds('signup-link', 'user') },
});
