import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';
import { kinds } from '../api/live';

// What SDKs report is no commit, so the live stream does not tell of it.
const refetchInterval = 30_000;

export const applicationsQuery = queryOptions({
  queryKey: ['applications'],
  queryFn: () => answered(api.GET('/api/admin/metrics/applications')),
  meta: { touchedBy: kinds('application') },
  refetchInterval,
});

export const outdatedSdksQuery = queryOptions({
  queryKey: ['outdated-sdks'],
  queryFn: () => answered(api.GET('/api/admin/metrics/sdks/outdated')),
  meta: { touchedBy: kinds('application') },
  refetchInterval,
});

const ofOne = kinds('application', 'feature', 'strategy');

/** Its instances, and what it knows and uses. */
export const applicationQuery = (appName: string) =>
  queryOptions({
    queryKey: ['applications', appName],
    queryFn: () => answered(api.GET('/api/admin/metrics/applications/{appName}', { params: { path: { appName } } })),
    meta: { touchedBy: ofOne },
    refetchInterval,
  });

/** What is wrong with it, by environment. */
export const applicationOverviewQuery = (appName: string) =>
  queryOptions({
    queryKey: ['applications', appName, 'overview'],
    queryFn: () =>
      answered(api.GET('/api/admin/metrics/applications/{appName}/overview', { params: { path: { appName } } })),
    meta: { touchedBy: ofOne },
    refetchInterval,
  });
