import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';
import { kinds } from '../api/live';

/** What concerns the person who asks: projects with their health, own features, whom to ask. */
export const dashboardQuery = queryOptions({
  queryKey: ['personal-dashboard'],
  queryFn: () => answered(api.GET('/api/admin/personal-dashboard')),
  meta: { touchedBy: kinds('feature', 'project', 'user', 'favorites') },
});
