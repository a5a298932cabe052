import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../api/client';
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
