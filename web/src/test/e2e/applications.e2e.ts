import { beforeAll, expect, test } from 'vitest';
import { as, prepare, url } from './people';

async function report(appName: string, path: string, body: object) {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { Authorization: token, 'Content-Type': 'application/json' },
    body: JSON.stringify({ appName, instanceId: 'one', ...body }),
  });
  expect(answer.status, path).toBe(202);
}

let token = '';

beforeAll(async () => {
  await prepare('POST', '/api/admin/projects/default/features', { name: 'application-known', type: 'release' });
  const made = await prepare('POST', '/api/admin/api-tokens', {
    type: 'CLIENT',
    environment: 'development',
    projects: ['*'],
    tokenName: 'applications.e2e',
  });
  token = made.secret;
  for (const appName of ['app-old', 'app-gone']) {
    await report(appName, '/api/client/register', {
      sdkVersion: 'unleash-client-node:3.0.0',
      strategies: ['default', 'byMoonPhase'],
      started: new Date().toISOString(),
      interval: 15_000,
    });
    await report(appName, '/api/client/metrics', {
      bucket: {
        start: new Date(Date.now() - 60_000).toISOString(),
        stop: new Date().toISOString(),
        toggles: {
          'application-known': { yes: 1, no: 2, variants: {} },
          'application-unknown': { yes: 0, no: 3, variants: {} },
        },
      },
    });
  }
});

/** What SDKs report is written down a little later. */
async function listed(page: Awaited<ReturnType<typeof as>>, appName: string) {
  await expect
    .poll(
      async () => {
        await page.goto('/applications');
        await page.getByRole('heading', { name: 'Applications' }).waitFor();
        return page.getByRole('link', { name: appName }).count();
      },
      { timeout: 30_000 },
    )
    .toBe(1);
}

test('an application shows where it runs, what it uses and what is wrong with it', async () => {
  const page = await as('viewer');
  await listed(page, 'app-old');
  await page
    .getByRole('row', { name: /app-old/ })
    .getByText('outdated: unleash-client-node:3.0.0')
    .waitFor();
  await page.getByRole('link', { name: 'app-old' }).click();
  await page.getByRole('heading', { name: 'app-old' }).waitFor();
  await page.getByRole('row', { name: /one.*unleash-client-node:3.0.0/ }).waitFor();
  await page.getByText('byMoonPhase (not known here)').waitFor();
  await page.getByText(/which is outdated/).waitFor();
  await expect
    .poll(
      async () => {
        await page.reload();
        await page.getByRole('heading', { name: 'Features it asks for' }).waitFor();
        return page.getByRole('link', { name: 'application-known' }).count();
      },
      { timeout: 30_000 },
    )
    .toBe(1);
  await page.getByText('It asks for application-unknown, which does not exist, in development.').waitFor();
});

test('an application is deleted after a question', async () => {
  const page = await as('admin');
  await listed(page, 'app-gone');
  await page.getByRole('button', { name: 'Delete app-gone' }).click();
  await page.getByRole('alertdialog').getByText('listed again as soon as one of them reports').waitFor();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete application' }).click();
  await page.getByRole('row', { name: /app-gone/ }).waitFor({ state: 'detached' });
});

test('a viewer is told why it may not be deleted', async () => {
  const page = await as('viewer');
  await listed(page, 'app-old');
  const button = page.getByRole('button', { name: 'Delete app-old' });
  expect(await button.getAttribute('aria-disabled')).toBe('true');
  expect(await button.getAttribute('aria-description')).toContain('UPDATE_APPLICATION');
});
