import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { as, expectRefusals, prepare } from './people';

test('limits, version and statistics are told, and can be downloaded', async () => {
  const page = await as('viewer');
  await page.goto('/instance');
  await page.getByRole('row', { name: /^Projects \d+ of \d+/ }).waitFor();
  await page.getByRole('link', { name: 'Apache-2.0' }).waitFor();
  const waiting = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download as CSV' }).click();
  const file = await (await waiting).path();
  expect(readFileSync(file, 'utf8')).toContain('featureToggles');
});

test('maintenance mode begins and ends after a question, and everybody sees it', async () => {
  const page = await as('admin');
  const viewer = await as('viewer');
  await viewer.goto('/instance');
  await viewer.getByRole('heading', { name: 'Instance' }).waitFor();
  await page.goto('/instance');
  await page.getByRole('button', { name: 'Begin maintenance mode' }).click();
  await page.getByRole('alertdialog').getByText('nothing can be changed').waitFor();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Begin maintenance mode' }).click();
  try {
    await page.getByText('Maintenance mode: nothing can be changed').waitFor();
    await viewer.getByText('Maintenance mode: nothing can be changed').waitFor();
  } finally {
    await page.getByRole('button', { name: 'End maintenance mode' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'End maintenance mode' }).click();
    await page.getByText('Maintenance mode: nothing can be changed').waitFor({ state: 'detached' });
  }
});

test('origins are edited, and one that is none is told at the field', async () => {
  const before = (await prepare('GET', '/api/admin/ui-config')).frontendApiOrigins;
  const page = await as('admin');
  await page.goto('/instance');
  await page.getByRole('button', { name: 'Edit origins' }).click();
  const field = page.getByRole('textbox', { name: 'Origins' });
  await field.fill('not an origin');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').getByText('An origin is').waitFor();
  expectRefusals();
  await field.fill('https://shop.example.com\nhttps://www.example.com');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByRole('listitem').filter({ hasText: 'https://shop.example.com' }).waitFor();
  await prepare('POST', '/api/admin/ui-config/cors', { frontendApiOrigins: before });
});

test('a viewer is told why nothing can be changed', async () => {
  const page = await as('viewer');
  await page.goto('/instance');
  const begin = page.getByRole('button', { name: 'Begin maintenance mode' });
  await begin.waitFor();
  expect(await begin.getAttribute('aria-description')).toContain('UPDATE_MAINTENANCE_MODE');
  expect(await page.getByRole('button', { name: 'Edit origins' }).getAttribute('aria-description')).toContain(
    'UPDATE_CORS',
  );
});
