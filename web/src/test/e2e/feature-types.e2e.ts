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
