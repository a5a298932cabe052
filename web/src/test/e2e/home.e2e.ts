import { beforeAll, expect, test } from 'vitest';
import { as, prepare, url } from './people';

beforeAll(async () => {
  await prepare('POST', '/api/admin/projects', { id: 'homely', name: 'Homely' });
  await prepare('POST', '/api/admin/projects/homely/features', { name: 'home-feature', type: 'release' });
});

test('home shows favourite projects with their health first, and the latest changes', async () => {
  const page = await as('admin');
  await page.goto('/projects?q=homely');
  await page.getByRole('button', { name: 'Add homely to favourites' }).click();
  await page.getByRole('button', { name: 'Remove homely from favourites' }).waitFor();
  await page.goto('/');
  const project = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'Homely', exact: true }) });
  await project.getByText('100 %').waitFor();
  await page.getByText('made a favourite of project').first().waitFor();
  await project.getByRole('link', { name: 'Homely', exact: true }).click();
  await page.waitForURL('/projects/homely');
});

test('what somebody has made is found on their home', async () => {
  const page = await as('member');
  await page.goto('/');
  await page.getByRole('heading', { name: 'Features you have made' }).waitFor();
  const cookies = await page.context().cookies();
  const made = await fetch(`${url}/api/admin/projects/members-own/features`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
    },
    body: JSON.stringify({ name: 'home-of-member', type: 'release' }),
  });
  expect(made.status).toBe(201);
  await page.getByRole('link', { name: 'home-of-member' }).first().waitFor();

  // Others neither see the project nor the change.
  const viewer = await as('viewer');
  await viewer.goto('/');
  await viewer.getByRole('heading', { name: 'Latest changes' }).waitFor();
  expect(await viewer.getByText('home-of-member').count()).toBe(0);
});

test('where there are no features yet, the first step is offered', async () => {
  const page = await as('admin');
  // The tests share an installation, and it has features.
  await page.route('**/api/admin/home', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), features: 0, flags: [] } });
  });
  await page.goto('/');
  await page.getByRole('link', { name: 'Connect an SDK' }).waitFor();
  await page.getByRole('link', { name: 'Create the first feature' }).click();
  await page.getByRole('dialog', { name: 'Create feature' }).waitFor();
});

test('what needs somebody is told: what is stale, and what applications ask for in vain', async () => {
  const page = await as('member');
  const cookies = await page.context().cookies();
  const send = (path: string, body: unknown) =>
    fetch(`${url}/api/admin/projects/members-own/${path}`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
      },
      body: JSON.stringify(body),
    });
  expect((await send('features', { name: 'home-stale', type: 'release' })).status).toBe(201);
  expect((await send('stale', { features: ['home-stale'], stale: true })).status).toBe(202);
  await page.goto('/');
  const needs = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'home-stale' }) });
  await needs.filter({ hasText: 'stale' }).first().waitFor();

  const token = await prepare('POST', '/api/admin/api-tokens', {
    tokenName: 'home',
    type: 'backend',
    environment: 'development',
    projects: ['homely'],
  });
  const now = new Date().toISOString();
  const reported = await fetch(`${url}/api/client/metrics`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: token.secret },
    body: JSON.stringify({
      appName: 'home-app',
      instanceId: 'one',
      bucket: { start: now, stop: now, toggles: { 'home-unknown': { yes: 0, no: 1 } } },
    }),
  });
  expect(reported.status).toBe(202);
  const admin = await as('admin');
  await expect
    .poll(
      async () => {
        await admin.goto('/');
        await admin.getByRole('heading', { name: 'What needs you' }).waitFor();
        return admin.getByText('home-unknown').count();
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThan(0);
});

test('home asks for at most three things', async () => {
  const page = await as('viewer');
  const asked: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (/^\/(api|auth)\//.test(pathname) && pathname !== '/api/admin/live') asked.push(pathname);
  });
  await page.goto('/');
  await page.getByRole('heading', { name: 'What needs you' }).waitFor();
  expect(asked.length, asked.join(', ')).toBeLessThanOrEqual(3);
});
