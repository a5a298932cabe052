import { expect, test } from 'vitest';
import { permissionRows, type RoleName, type Scope } from '../../roles/built-in';
import { as, prepare } from './people';

type Told = { name: string; hasPermission?: boolean };

test('the permissions of the built-in roles are those that the server grants', async () => {
  const { rootRoles, users } = await prepare('GET', '/api/admin/user-admin');
  const told = async (id: number, project: string): Promise<Record<Scope, Told[]>> => {
    const query = `project=${project}&environment=development`;
    return (await prepare('GET', `/api/admin/user-admin/${id}/permissions?${query}`)).overview;
  };
  async function add(role: string, name: string): Promise<number> {
    const rootRole = rootRoles.find((known: { name: string }) => known.name === role).id;
    return (await prepare('POST', '/api/admin/user-admin', { username: name, rootRole, sendEmail: false })).id;
  }
  await prepare('POST', '/api/admin/projects', { id: 'roles-project', name: 'Roles' });
  const holders: [RoleName, number, string, Scope[]][] = [
    ['Admin', await add('Admin', 'roles-admin'), 'roles-project', ['root', 'project', 'environment']],
    ['Editor', await add('Editor', 'roles-editor'), 'roles-project', ['root', 'project', 'environment']],
    ['Viewer', await add('Viewer', 'roles-viewer'), 'roles-project', ['root', 'project', 'environment']],
    [
      'Owner',
      users.find((user: { username: string }) => user.username === 'member').id,
      'members-own',
      ['project', 'environment'],
    ],
  ];
  for (const [role, id, project, scopes] of holders) {
    const overview = await told(id, project);
    for (const scope of scopes) {
      const granted = overview[scope].filter(({ name, hasPermission }) => name !== 'ADMIN' && hasPermission);
      const shown = permissionRows.filter((row) => row.scope === scope && row.roles.has(role));
      expect(shown.map(({ permission }) => permission).sort(), `${role} for ${scope}`).toEqual(
        granted.map(({ name }) => name).sort(),
      );
      expect(permissionRows.filter((row) => row.scope === scope).length, `all for ${scope}`).toBe(
        overview[scope].filter(({ name }) => name !== 'ADMIN').length,
      );
    }
  }
});

test('everybody can look up which role may do what', async () => {
  const page = await as('viewer');
  await page.goto('/roles');
  await page.getByText('There are only these five built-in roles').waitFor();
  await page.getByRole('searchbox', { name: 'Filter permissions' }).fill('delete project api');
  const row = page.getByRole('row', { name: /Delete project API token/ });
  await row.waitFor();
  const cells = await row.getByRole('cell').allTextContents();
  expect(cells.slice(2), 'Admin, Editor, Viewer, Owner, Member').toEqual(['yes', 'no', 'no', 'yes', 'no']);
});
