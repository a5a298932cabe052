import { expect, test } from 'vitest';
import { as, prepare } from './people';

test('a lifetime is shortened, taken away and given back', async () => {
  const page = await as('admin');
  await page.goto('/feature-types');
  const row = page.getByRole('row', { name: /^Experiment/ });
  await row.getByText('40 days').waitFor();
  const edit = page.getByRole('button', { name: 'Change the lifetime of Experiment' });
  await edit.click();
  await page.getByRole('textbox', { name: 'Lifetime' }).fill('14');
  await page.getByRole('button', { name: 'Save' }).click();
  await row.getByText('14 days').waitFor();

  await edit.click();
  await page.getByRole('radio', { name: /May stay for ever/ }).press(' ');
  await page.getByRole('button', { name: 'Save' }).click();
  await row.getByText('for ever').waitFor();

  // Of what somebody else changes one is told.
  await prepare('PUT', '/api/admin/feature-types/experiment/lifetime', { lifetimeDays: 40 });
  await row.getByText('40 days').waitFor();
});

test('an editor is told why not', async () => {
  const page = await as('editor');
  await page.goto('/feature-types');
  const edit = page.getByRole('button', { name: 'Change the lifetime of Release' });
  expect(await edit.getAttribute('aria-description')).toContain('administrators');
});

test('a lifetime that somebody else has changed meanwhile is not overwritten unseen', async () => {
  const page = await as('admin');
  await page.goto('/feature-types?dialog=edit&id=operational');
  const days = page.getByRole('textbox', { name: 'Lifetime' });
  await days.fill('3');
  await prepare('PUT', '/api/admin/feature-types/operational/lifetime', { lifetimeDays: 9 });
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page
    .getByRole('row', { name: /^Operational/ })
    .getByText('3 days')
    .waitFor();
});
