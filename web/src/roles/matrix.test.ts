import { expect, test } from 'vitest';
import type { Schemas } from '../api/client';
import { matrix } from './matrix';

const permission = (name: string, environment?: string): Schemas['AccessPermission'] => ({
  id: 0,
  name,
  displayName: name,
  type: 'environment',
  ...(environment ? { environment } : {}),
});
const role = (id: number, ...permissions: Schemas['AccessPermission'][]): Schemas['RoleWithPermissions'] => ({
  id,
  name: `role ${id}`,
  type: 'custom',
  description: '',
  permissions,
});

test('a role has a permission, has it in some environments, or has it not', () => {
  const rows = matrix({
    version: 1,
    permissions: [permission('ADMIN'), permission('SWITCH'), permission('EDIT')],
    roles: [
      role(1, permission('ADMIN')),
      role(2, permission('SWITCH', 'development'), permission('SWITCH', 'staging')),
      role(3, permission('SWITCH', 'development'), permission('SWITCH'), permission('EDIT')),
    ],
  });
  expect(rows.map(({ permission, holds }) => [permission.name, ...holds.values()])).toEqual([
    ['SWITCH', 'yes', ['development', 'staging'], 'yes'],
    ['EDIT', 'yes', 'no', 'yes'],
  ]);
});
