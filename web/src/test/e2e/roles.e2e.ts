import { expect, test } from 'vitest';
import { as, prepare } from './people';

test('everybody can look up which role may do what, as the server tells it', async () => {
  const { roles, permissions } = await prepare('GET', '/api/admin/roles');
  const page = await as('viewer');
  await page.goto('/roles');
  const list = page.getByRole('list', { name: 'Roles' });
  await list.getByRole('heading', { name: 'Admin' }).waitFor();
  expect(await list.getByRole('heading').allTextContents()).toEqual(roles.map(({ name }: { name: string }) => name));
  await page.getByText(`${permissions.length - 1} in all`).waitFor();
  await page.getByText('These roles are built in').waitFor();
  await page.getByRole('searchbox', { name: 'Filter permissions' }).fill('delete project api');
  const row = page.getByRole('row', { name: /Delete project API token/ });
  await row.waitFor();
  const heads = await page.getByRole('columnheader').allTextContents();
  const cells = await row.getByRole('cell').allTextContents();
  const told = Object.fromEntries(heads.map((head, place) => [head, cells[place]]));
  expect(told).toMatchObject({ Admin: 'yes', Editor: 'no', Viewer: 'no', Owner: 'yes', Member: 'no' });
});

test('a role that somebody has made stands beside the built-in ones', async () => {
  const page = await as('admin');
  // Until roles can be made: as the server would list one.
  await page.route('**/api/admin/roles', async (route) => {
    const answer = await route.fetch();
    const told = await answer.json();
    const held = told.permissions.find(({ name }: { name: string }) => name === 'UPDATE_FEATURE_ENVIRONMENT');
    told.roles.push({
      id: 77,
      name: 'Switcher',
      type: 'custom',
      description: 'Turns features on and off',
      permissions: [{ ...held, environment: 'development' }],
    });
    await route.fulfill({ response: answer, json: told });
  });
  await page.goto('/roles');
  await page.getByRole('list', { name: 'Roles' }).getByText('Turns features on and off').waitFor();
  expect(await page.getByText('These roles are built in').count()).toBe(0);
  await page.getByRole('columnheader', { name: 'Switcher' }).waitFor();
  await page
    .getByRole('row', { name: /Update feature environment(?! variants)/ })
    .getByText('development')
    .waitFor();
});
