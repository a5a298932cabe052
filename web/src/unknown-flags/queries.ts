import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';
import { kinds } from '../api/live';

export const unknownFlagsQuery = queryOptions({
  queryKey: ['unknown-flags'],
  queryFn: () => answered(api.GET('/api/admin/metrics/unknown-flags')),
  meta: { touchedBy: kinds('feature', 'application') },
  // What SDKs ask for is no commit, so the live stream does not tell of it.
  refetchInterval: 30_000,
});
