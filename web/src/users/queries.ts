import { queryOptions } from '@tanstack/react-query';
import { answered, answeredWithRevision, api } from '../api/client';
import { kinds } from '../api/live';

export const usersQuery = queryOptions({
  queryKey: ['users'],
  queryFn: () => answered(api.GET('/api/admin/user-admin')),
  meta: { touchedBy: kinds('user', 'role') },
});

export const inactiveUsersQuery = queryOptions({
  queryKey: ['users', 'inactive'],
  queryFn: () => answered(api.GET('/api/admin/user-admin/inactive')),
  meta: { touchedBy: kinds('user', 'personal-token') },
});

export const userQuery = (id: number) =>
  queryOptions({
    queryKey: ['users', id],
    queryFn: () => answeredWithRevision(api.GET('/api/admin/user-admin/{id}', { params: { path: { id } } })),
    meta: { touchedBy: (change) => change.kind === 'user' && change.id === String(id) },
  });

/** What somebody may do: everywhere, in a project, in one of its environments. */
export const accessQuery = (id: number, project: string | undefined, environment: string | undefined) =>
  queryOptions({
    queryKey: ['users', id, 'access', project ?? '', environment ?? ''],
    queryFn: () =>
      answered(
        api.GET('/api/admin/user-admin/{id}/permissions', {
          params: { path: { id }, query: { ...(project ? { project } : {}), ...(environment ? { environment } : {}) } },
        }),
      ),
    meta: { touchedBy: kinds('user', 'role', 'project') },
  });
