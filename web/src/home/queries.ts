import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';

/** What concerns the person who asks, in one answer. */
export const homeQuery = queryOptions({
  queryKey: ['home'],
  queryFn: () => answered(api.GET('/api/admin/home')),
  // It has the latest changes: every change is one.
  meta: { touchedBy: () => true },
  // SDKs come and go without a commit.
  refetchInterval: 30_000,
});
