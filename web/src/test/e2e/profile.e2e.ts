import { expect, test } from 'vitest';
import { anyone, as, expectRefusals, prepare, url } from './people';
import { password } from './server';

test('a personal token is created, shown once, works, and is deleted', async () => {
  const page = await as('editor');
  await page.goto('/profile');
  await page.getByRole('button', { name: 'Create personal token' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create personal token' });
  await dialog.getByRole('textbox', { name: 'Description' }).fill('profile-script');
  await dialog.getByRole('button', { name: 'Create personal token' }).click();
  const shown = page.getByRole('alertdialog', { name: 'Personal token profile-script' });
  const secret = (await shown.getByRole('region', { name: 'personal token' }).textContent()) ?? '';
  await shown.getByRole('button', { name: 'Done' }).click();
  const me = () => fetch(`${url}/api/admin/user`, { headers: { Authorization: secret } });
  expect((await (await me()).json()).user.username).toBe('editor');
  await page.getByRole('row', { name: /profile-script/ }).waitFor();

  await page.getByRole('button', { name: 'Create personal token' }).click();
  await dialog.getByRole('textbox', { name: 'Description' }).fill('profile-script');
  await dialog.getByRole('button', { name: 'Create personal token' }).click();
  await dialog.getByText(/exists|profile-script/).waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  await page.getByRole('button', { name: 'Delete profile-script' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete personal token' }).click();
  await page.getByRole('row', { name: /profile-script/ }).waitFor({ state: 'detached' });
  expect((await me()).status).toBe(401);
  expectRefusals();
});

test('a password is changed by whoever knows the old one', async () => {
  const { rootRoles } = await prepare('GET', '/api/admin/user-admin');
  await prepare('POST', '/api/admin/user-admin', {
    username: 'profile-linda',
    password,
    rootRole: rootRoles.find((role: { name: string }) => role.name === 'Viewer').id,
    sendEmail: false,
  });
  const page = await anyone();
  await page.goto('/sign-in?next=%2Fprofile');
  await page.getByRole('textbox', { name: 'User name or e-mail address' }).fill('profile-linda');
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();

  await page.getByRole('button', { name: 'Change password' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change password' });
  const fill = async (old: string, fresh: string, again: string) => {
    await dialog.getByRole('textbox', { name: 'Password until now' }).fill(old);
    await dialog.getByRole('textbox', { name: 'New password', exact: true }).fill(fresh);
    await dialog.getByRole('textbox', { name: 'New password again' }).fill(again);
    await dialog.getByRole('button', { name: 'Change password' }).click();
  };
  const fresh = 'Another fine passw0rd of the tests';
  await fill(password, fresh, 'something else');
  await dialog.getByText('The two passwords differ.').waitFor();
  await fill('not the old one', fresh, fresh);
  await dialog.getByText('This is not your password.').waitFor();
  await fill(password, 'short', 'short');
  await dialog
    .getByText(/at least|must/i)
    .last()
    .waitFor();
  expectRefusals();
  await fill(password, fresh, fresh);
  await page.getByText('Your password is changed.').waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Profile', level: 1 }).waitFor();
  const login = (password: string) =>
    fetch(`${url}/auth/simple/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'profile-linda', password }),
    });
  expect((await login(password)).status).toBe(401);
  expect((await login(fresh)).status).toBe(200);
  expectRefusals();
});

test('everybody sees what they may do', async () => {
  const admin = await as('admin');
  await admin.goto('/profile');
  await admin.getByText('Everything, everywhere').waitFor();
  const editor = await as('editor');
  await editor.goto('/profile');
  await editor.getByRole('list', { name: 'Everywhere' }).getByText('Create project').waitFor();
  await editor.getByRole('list', { name: 'In project Default' }).getByText('Create feature: yes').waitFor();
  const viewer = await as('viewer');
  await viewer.goto('/profile');
  await viewer.getByText('An administrator can give you another role').waitFor();
});
