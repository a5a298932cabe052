import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';

/** The installation in numbers. They are as of when one looks. */
export const statisticsQuery = queryOptions({
  queryKey: ['instance-statistics'],
  queryFn: () => answered(api.GET('/api/admin/instance-admin/statistics')),
});

export const outdatedSdksQuery = queryOptions({
  queryKey: ['outdated-sdks'],
  queryFn: () => answered(api.GET('/api/admin/metrics/sdks/outdated')),
});
