import { expect, test } from 'vitest';
import { anyone, as, prepare, url } from './people';
import { password } from './server';

const roleId = async (name: string) =>
  (await prepare('GET', '/api/admin/user-admin')).rootRoles.find((role: { name: string }) => role.name === name).id;
const add = async (username: string, role: string) =>
  prepare('POST', '/api/admin/user-admin', {
    username,
    name: `${username} of users`,
    rootRole: await roleId(role),
    sendEmail: false,
  });

test('a user is added, follows the invitation, and signs in', async () => {
  const page = await as('admin');
  await page.goto('/users');
  await page.getByRole('button', { name: 'Add user' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add user' });
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('Ada of users');
  await dialog.getByRole('button', { name: 'Add user' }).click();
  await dialog.getByText('An e-mail address or a user name is needed.').waitFor();
  await dialog.getByRole('textbox', { name: 'E-mail address' }).fill('ada.of.users@example.com');
  await dialog.getByRole('radio', { name: /^Editor/ }).press(' ');
  await dialog.getByRole('button', { name: 'Add user' }).click();

  const shown = page.getByRole('alertdialog', { name: 'Ada of users is added' });
  const link = (await shown.getByRole('region', { name: 'invitation link' }).textContent()) ?? '';
  await shown.getByRole('button', { name: 'Copy invitation link' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(link);
  await shown.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('row', { name: /Ada of users.*Editor/ }).waitFor();

  const other = await anyone();
  const { pathname, search } = new URL(link);
  await other.goto(url + pathname + search);
  await other.getByRole('textbox', { name: 'New password' }).fill(password);
  await other.getByRole('button', { name: 'Set password' }).click();
  await other.getByRole('textbox', { name: 'User name or e-mail address' }).fill('ada.of.users@example.com');
  await other.getByRole('textbox', { name: 'Password' }).fill(password);
  await other.getByRole('button', { name: 'Sign in' }).click();
  await other.getByRole('navigation', { name: 'Main' }).waitFor();
});

test('a user is renamed, gets another role, a password link, and is deleted', async () => {
  await add('grace', 'Viewer');
  const page = await as('admin');
  await page.goto('/users?q=grace');
  await page.getByRole('button', { name: 'Actions for grace of users' }).click();
  await page.getByRole('menuitem', { name: 'Edit or change role' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Grace of users');
  await page.getByRole('radio', { name: /^Editor/ }).press(' ');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /Grace of users.*Editor/ }).waitFor();

  await page.getByRole('button', { name: 'Actions for Grace of users' }).click();
  await page.getByRole('menuitem', { name: 'Make password link' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Make link' }).click();
  const shown = page.getByRole('alertdialog', { name: 'Password link for Grace of users' });
  expect(await shown.getByRole('region', { name: 'password link' }).textContent()).toContain('reset-password?token=');
  await shown.getByRole('button', { name: 'Done' }).click();

  await page.getByRole('button', { name: 'Actions for Grace of users' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete user' }).click();
  await page.getByText('Nothing fits the filter').waitFor();
});

test('a user’s page tells what they may do, by project and environment', async () => {
  const member = (await prepare('GET', '/api/admin/user-admin')).users.find(
    (user: { username: string }) => user.username === 'member',
  );
  const page = await as('admin');
  await page.goto(`/users/${member.id}`);
  const everywhere = page.getByRole('list', { name: 'Everywhere' });
  await everywhere.getByText('Create project: no').waitFor();
  await page.getByRole('button', { name: /In project/ }).click();
  await page.getByRole('option', { name: 'Member’s own' }).click();
  await page.getByRole('list', { name: 'In project members-own' }).getByText('Create feature: yes').waitFor();
  await page.getByRole('button', { name: /In environment/ }).click();
  await page.getByRole('option', { name: 'development' }).click();
  await page
    .getByRole('list', { name: 'In development of project members-own' })
    .getByText('Update feature environment: yes')
    .waitFor();
});

test('nobody is inactive in a new installation, and one cannot delete oneself', async () => {
  const page = await as('admin');
  await page.goto('/users');
  await page.getByRole('button', { name: /Which users/ }).click();
  await page.getByRole('option', { name: /Inactive users/ }).click();
  await page.getByText('Nobody is inactive').waitFor();

  await page.goto('/users?q=admin');
  await page.getByRole('button', { name: 'Actions for admin' }).click();
  const remove = page.getByRole('menuitem', { name: /Delete/ });
  expect(await remove.getAttribute('aria-disabled')).toBe('true');
  await remove.getByText('This is you').waitFor();
});

test('an editor is told who looks after users', async () => {
  const page = await as('editor');
  await page.goto('/users');
  await page.getByText('Administrators look after users').waitFor();
  await page.goto('/users/1');
  await page.getByText('Administrators look after users').waitFor();
});

test('what two administrators edit is not overwritten unseen', async () => {
  const { id } = await add('users-both', 'Viewer');
  const page = await as('admin');
  await page.goto(`/users?dialog=edit&id=${id}`);
  await page.getByRole('textbox', { name: 'Name' }).fill('Mine of users');
  await prepare('PUT', `/api/admin/user-admin/${id}`, { name: 'Theirs of users' });
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /Mine of users/ }).waitFor();
});

test('inactive users are deleted together', async () => {
  const gone = [await add('users-gone-one', 'Viewer'), await add('users-gone-two', 'Viewer')];
  const page = await as('admin');
  // Nobody can wait for half a year: who is inactive is told here, who is deleted is not.
  await page.route('**/api/admin/user-admin/inactive', async (route) => {
    const { users } = await prepare('GET', '/api/admin/user-admin');
    const inactiveUsers = users.filter(({ id }: { id: number }) => gone.some((user) => user.id === id));
    await route.fulfill({ json: { version: 1, inactiveUsers } });
  });
  await page.goto('/users?show=inactive');
  const remove = page.getByRole('button', { name: 'Delete selected' });
  expect(await remove.getAttribute('aria-description')).toBe('Select users first.');
  await page.getByRole('checkbox', { name: 'Select all' }).press(' ');
  await remove.click();
  await page.getByRole('alertdialog').getByText('users-gone-two of users').waitFor();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete 2 users' }).click();
  await page.getByText('Nobody is inactive').waitFor();
  const { users } = await prepare('GET', '/api/admin/user-admin');
  expect(users.filter(({ username }: { username?: string }) => username?.startsWith('users-gone'))).toEqual([]);
});
