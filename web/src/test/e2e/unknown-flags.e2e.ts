import { beforeAll, expect, test } from 'vitest';
import { as, prepare, url } from './people';

beforeAll(async () => {
  await prepare('POST', '/api/admin/projects/default/features', { name: 'unknown-deleted', type: 'release' });
  await prepare('DELETE', '/api/admin/projects/default/features/unknown-deleted');
  await prepare('DELETE', '/api/admin/archive/unknown-deleted');
  const { secret } = await prepare('POST', '/api/admin/api-tokens', {
    type: 'CLIENT',
    environment: 'development',
    projects: ['*'],
    tokenName: 'unknown-flags.e2e',
  });
  const answer = await fetch(`${url}/api/client/metrics`, {
    method: 'POST',
    headers: { Authorization: secret, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      appName: 'unknown-asker',
      instanceId: 'one',
      bucket: {
        start: new Date(Date.now() - 60_000).toISOString(),
        stop: new Date().toISOString(),
        toggles: {
          'unknown-wanted': { yes: 0, no: 3, variants: {} },
          'unknown-deleted': { yes: 0, no: 3, variants: {} },
        },
      },
    }),
  });
  expect(answer.status).toBe(202);
});

/** What SDKs report is written down a little later. */
async function listed(page: Awaited<ReturnType<typeof as>>) {
  await expect
    .poll(
      async () => {
        await page.goto('/unknown-flags?q=unknown-');
        await page.getByRole('heading', { name: 'Unknown flags' }).waitFor();
        return page.getByRole('row', { name: /unknown-wanted/ }).count();
      },
      { timeout: 30_000 },
    )
    .toBe(1);
}

test('what SDKs ask for in vain is listed, and the feature created from there', async () => {
  const page = await as('admin');
  await listed(page);
  const row = page.getByRole('row', { name: /unknown-wanted/ });
  await row.getByRole('link', { name: 'unknown-asker' }).waitFor();
  await row.getByText('development').waitFor();
  await page
    .getByRole('row', { name: /unknown-deleted/ })
    .getByRole('link', { name: 'existed before' })
    .waitFor();

  await page.getByRole('button', { name: 'Create feature unknown-wanted' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create feature' });
  expect(await dialog.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('unknown-wanted');
  await dialog.getByRole('button', { name: /Project/ }).click();
  await page.getByRole('option', { name: 'Default', exact: true }).click();
  await dialog.getByRole('textbox', { name: 'Description' }).fill('Asked for by a shop');
  await dialog.getByRole('button', { name: 'Create feature' }).click();
  await page.waitForURL('/projects/default/features/unknown-wanted');
  await page.getByRole('heading', { name: 'unknown-wanted', level: 1 }).waitFor();
  await page.goto('/unknown-flags?q=unknown-');
  await page.getByRole('row', { name: /unknown-deleted/ }).waitFor();
  expect(await page.getByRole('row', { name: /unknown-wanted/ }).count()).toBe(0);
});

test('somebody who may create features nowhere is told so', async () => {
  const page = await as('viewer');
  await page.goto('/unknown-flags?q=unknown-');
  const button = page.getByRole('button', { name: 'Create feature unknown-deleted' });
  await button.waitFor();
  expect(await button.getAttribute('aria-disabled')).toBe('true');
  expect(await button.getAttribute('aria-description')).toContain('CREATE_FEATURE');
});
