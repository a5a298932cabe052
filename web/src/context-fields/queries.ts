import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api, ifMatch, type Schemas } from '../api/client';
import { kinds } from '../api/live';

type ContextField = Schemas['ContextField'];

/** Those for all projects, or those for one alone. */
export const contextFieldsQuery = (projectId: string | undefined) =>
  queryOptions({
    queryKey: ['context', 'usable', projectId ?? '*'],
    queryFn: () =>
      answered(
        projectId
          ? api.GET('/api/admin/projects/{projectId}/context', { params: { path: { projectId } } })
          : api.GET('/api/admin/context'),
      ),
    meta: { touchedBy: kinds('context-field', 'feature', 'segment') },
  });

export const contextFieldQuery = (name: string) =>
  queryOptions({
    queryKey: ['context', 'field', name],
    queryFn: () =>
      answeredWithRevision(api.GET('/api/admin/context/{contextField}', { params: { path: { contextField: name } } })),
    meta: { touchedBy: (change) => change.kind === 'context-field' && change.id === name },
  });

export const contextFieldUsesQuery = (name: string) =>
  queryOptions({
    queryKey: ['context', 'uses', name],
    queryFn: () =>
      answered(api.GET('/api/admin/context/{contextField}/strategies', { params: { path: { contextField: name } } })),
    meta: { touchedBy: kinds('feature', 'segment') },
  });

// What belongs to a project is changed below its address, so that its members may do it as well.

export function putContextField(field: ContextField, body: Schemas['ContextFieldInput'], etag: string | null) {
  const headers = ifMatch(etag);
  const { name: contextField, project: projectId } = field;
  return answered(
    projectId
      ? api.PUT('/api/admin/projects/{projectId}/context/{contextField}', {
          params: { path: { projectId, contextField } },
          body,
          headers,
        })
      : api.PUT('/api/admin/context/{contextField}', { params: { path: { contextField } }, body, headers }),
  );
}

export function deleteContextField({ name: contextField, project: projectId }: ContextField) {
  return answered(
    projectId
      ? api.DELETE('/api/admin/projects/{projectId}/context/{contextField}', {
          params: { path: { projectId, contextField } },
        })
      : api.DELETE('/api/admin/context/{contextField}', { params: { path: { contextField } } }),
  );
}

export function createContextField({ project, ...body }: Schemas['CreateContextField']) {
  return answered(
    project
      ? api.POST('/api/admin/projects/{projectId}/context', { params: { path: { projectId: project } }, body })
      : api.POST('/api/admin/context', { body }),
  );
}
