import { expect, test } from 'vitest';
import { anyone, as, expectRefusals, url } from './people';
import { password } from './server';

test('an invitation is created, used, extended, and switched off', async () => {
  const page = await as('admin');
  await page.goto('/invitations');
  await page.getByRole('button', { name: 'Create invitation' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Create invitation' });
  await dialog.getByRole('button', { name: 'Create invitation' }).click();
  await dialog.getByText('A name is needed.').waitFor();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('The new team');
  await dialog.getByRole('button', { name: 'Create invitation' }).click();
  const shown = page.getByRole('alertdialog', { name: 'Invitation The new team' });
  const link = new URL((await shown.getByRole('region', { name: 'invitation' }).textContent()) ?? '');
  await shown.getByRole('button', { name: 'Done' }).click();
  const row = page.getByRole('row', { name: /The new team/ });
  await row.getByText('nobody yet').waitFor();

  const guest = await anyone();
  await guest.goto(url + link.pathname + link.search);
  await guest.getByRole('textbox', { name: 'Name' }).fill('Invited Ingrid');
  await guest.getByRole('textbox', { name: 'E-mail address' }).fill('invited.ingrid@example.com');
  await guest.getByRole('textbox', { name: 'Password' }).fill(password);
  await guest.getByRole('button', { name: 'Sign up' }).click();
  await guest.getByRole('button', { name: 'Sign in' }).waitFor();
  await row.getByRole('link', { name: 'Invited Ingrid' }).waitFor();

  await page.getByRole('button', { name: 'Change the expiry of The new team' }).click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /Expires/ })
    .click();
  await page.getByRole('option', { name: 'In a day' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await row.getByText(/in 23 hours/).waitFor();

  await page.getByRole('switch', { name: 'People can sign up with The new team' }).press(' ');
  await page.getByText('Nobody can sign up with The new team any more.').waitFor();
  await guest.goto(url + link.pathname + link.search);
  await guest.getByRole('alert').filter({ hasText: 'This link does not work' }).waitFor();
  expectRefusals();
  expect(await page.getByRole('switch', { name: /The new team/ }).isChecked()).toBe(false);
});

test('an editor is told who invites', async () => {
  const page = await as('editor');
  await page.goto('/invitations');
  await page.getByText('Administrators invite people').waitFor();
});
