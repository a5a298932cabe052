import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../api/client';
import { kinds } from '../api/live';

// What more than one noun asks for.

export const contextFieldsQuery = queryOptions({
  queryKey: ['context'],
  queryFn: () => answered(api.GET('/api/admin/context')),
  meta: { touchedBy: kinds('context-field', 'feature', 'segment') },
});

/** Those of the project, and those that are there for all. */
export const projectContextFieldsQuery = (projectId: string) =>
  queryOptions({
    queryKey: ['context', projectId],
    queryFn: () => answered(api.GET('/api/admin/projects/{projectId}/context', { params: { path: { projectId } } })),
    meta: { touchedBy: kinds('context-field') },
  });

export const segmentsQuery = queryOptions({
  queryKey: ['segments'],
  queryFn: () => answered(api.GET('/api/admin/segments')),
  meta: { touchedBy: kinds('segment', 'feature') },
});

export const strategyTypesQuery = queryOptions({
  queryKey: ['strategies'],
  queryFn: () => answered(api.GET('/api/admin/strategies')),
  meta: {
    touchedBy: ({ kind, id }) => kind === 'strategy' || (kind === 'setting' && id.startsWith('deprecated-strategy:')),
  },
});

export const featureTypesQuery = queryOptions({
  queryKey: ['feature-types'],
  queryFn: () => answered(api.GET('/api/admin/feature-types')),
  // The types are fixed; how long they live is a setting each.
  meta: { touchedBy: ({ kind, id }) => kind === 'setting' && id.startsWith('lifetime:') },
});

/** A project's own data, environments, mode, naming, counts, and the revision to send back when it is changed. */
export const projectQuery = (projectId: string) =>
  queryOptions({
    queryKey: ['project', projectId],
    queryFn: () =>
      answeredWithRevision(api.GET('/api/admin/projects/{projectId}/overview', { params: { path: { projectId } } })),
    meta: {
      touchedBy: ({ kind, id, project }) =>
        (kind === 'project' && id === projectId) ||
        kind === 'favorites' ||
        kind === 'environment' ||
        (kind === 'feature' && project === projectId),
    },
  });

/** One feature with its environments and strategies, its tags, the segments that it uses, and its revision. */
export const featureQuery = (projectId: string, featureName: string) =>
  queryOptions({
    queryKey: ['feature', featureName, projectId],
    queryFn: () =>
      answeredWithRevision(
        api.GET('/api/admin/projects/{projectId}/features/{featureName}/overview', {
          params: { path: { projectId, featureName } },
        }),
      ),
    meta: {
      touchedBy: ({ kind, id }) =>
        (kind === 'feature' && id === featureName) || ['favorites', 'environment', 'segment'].includes(kind),
    },
  });
