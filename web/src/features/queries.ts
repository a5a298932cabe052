import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../api/client';
import { kinds, type Touched } from '../api/live';
import { type ContextValues, contextBody } from '../kit/context/context';

export type Place = { projectId: string; featureName: string; environment: string };

const ofFeature =
  (featureName: string): Touched =>
  ({ kind, id }) =>
    kind === 'feature' && id === featureName;

export const strategyQuery = (place: Place, strategyId: string) =>
  queryOptions({
    queryKey: ['feature', place.featureName, 'strategy', strategyId],
    queryFn: () =>
      answeredWithRevision(
        api.GET(
          '/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/{strategyId}',
          {
            params: { path: { ...place, strategyId } },
          },
        ),
      ),
    meta: { touchedBy: ofFeature(place.featureName) },
  });

/** What SDKs reported of the feature by hour and environment, and what was changed about it in that time. */
export const exposureQuery = (projectId: string, featureName: string, hoursBack: number) =>
  queryOptions({
    queryKey: ['feature', featureName, 'exposure', hoursBack],
    queryFn: () =>
      answered(
        api.GET('/api/admin/projects/{projectId}/features/{featureName}/exposure', {
          params: { path: { projectId, featureName }, query: { hoursBack: String(hoursBack) } },
        }),
      ),
    meta: { touchedBy: ofFeature(featureName) },
    // SDKs report by themselves: no commit tells of it.
    refetchInterval: 15_000,
    placeholderData: keepPreviousData,
  });

/** Which features this one can depend on. */
export const parentsQuery = (projectId: string, featureName: string) =>
  queryOptions({
    queryKey: ['feature', featureName, 'parents'],
    queryFn: () =>
      answered(
        api.GET('/api/admin/projects/{projectId}/features/{featureName}/parents', {
          params: { path: { projectId, featureName } },
        }),
      ),
  });

export const parentVariantsQuery = (projectId: string, parent: string) =>
  queryOptions({
    queryKey: ['feature', parent, 'parent-variants'],
    queryFn: () =>
      answered(
        api.GET('/api/admin/projects/{projectId}/features/{featureName}/parent-variants', {
          params: { path: { projectId, featureName: parent } },
        }),
      ),
  });

/** What the feature answers for a context in each environment, and why. */
export const explanationQuery = (projectId: string, featureName: string, context: ContextValues) =>
  queryOptions({
    queryKey: ['feature', featureName, 'explain', context],
    queryFn: () =>
      answered(
        api.POST('/api/admin/projects/{projectId}/features/{featureName}/explain', {
          params: { path: { projectId, featureName } },
          body: { context: contextBody(context, 'flagstone') },
        }),
      ),
    // Also another feature, on which it depends, and the segments that it uses.
    meta: { touchedBy: kinds('feature', 'segment', 'environment') },
    placeholderData: keepPreviousData,
    retry: false,
  });
