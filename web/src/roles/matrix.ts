import type { Schemas } from '../api/client';

type Role = Schemas['RoleWithPermissions'];
type Permission = Schemas['AccessPermission'];

/** Whether a role allows something; where it does so in some environments only, in which. */
export type Hold = 'no' | 'yes' | string[];

export type PermissionRow = { permission: Permission; holds: ReadonlyMap<number, Hold> };

/** Every permission with what each role, by its id, has of it. */
export function matrix({ roles, permissions }: Schemas['RolesWithPermissions']): PermissionRow[] {
  return permissions
    .filter(({ name }) => name !== 'ADMIN')
    .map((permission) => ({
      permission,
      holds: new Map(roles.map((role) => [role.id, holdOf(role, permission.name)])),
    }));
}

function holdOf(role: Role, name: string): Hold {
  // Whoever has this one needs no other.
  const found = role.permissions.filter((held) => held.name === name || held.name === 'ADMIN');
  if (found.length === 0) return 'no';
  const environments = found.flatMap(({ environment }) => environment || []);
  return environments.length < found.length ? 'yes' : environments;
}

/** Those that users have made themselves. */
export function isCustom({ type }: Role): boolean {
  return type === 'custom' || type === 'root-custom';
}

/** Where somebody has such a role. */
export function placeOf({ type }: Role): string {
  return type === 'root' || type === 'root-custom' ? 'everywhere' : 'in a project';
}
