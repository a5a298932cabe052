import { beforeAll, expect, test } from 'vitest';
import { as, prepare, url } from './people';

beforeAll(async () => {
  await prepare('POST', '/api/admin/projects', { id: 'homely', name: 'Homely' });
  await prepare('POST', '/api/admin/projects/homely/features', { name: 'home-feature', type: 'release' });
});

test('home shows projects with their health, favourites first, and the latest changes', async () => {
  const page = await as('admin');
  await page.goto('/');
  const projects = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'Homely', exact: true }) });
  await projects.getByText('100 %').waitFor();
  await projects.getByRole('button', { name: 'Add homely to favourites' }).click();
  await projects.getByRole('button', { name: 'Remove homely from favourites' }).waitFor();
  await page.getByText('made a favourite of project').first().waitFor();
  await projects.getByRole('link', { name: 'Homely', exact: true }).click();
  await page.waitForURL('/projects/homely');
});

test('what somebody has made is found on their home', async () => {
  const page = await as('member');
  await page.goto('/');
  await page.getByText('None yet. What you create is found here again.').waitFor();
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
  await page.getByText('None yet. What you create is found here again.').waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'All 1', exact: true }).waitFor();
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
  await page.route('**/api/admin/personal-dashboard', async (route) => {
    const answer = await route.fetch();
    const dashboard = await answer.json();
    for (const project of dashboard.projects) project.featureCount = 0;
    await route.fulfill({ response: answer, json: { ...dashboard, flags: [] } });
  });
  await page.goto('/');
  await page.getByRole('link', { name: 'Connect an SDK' }).waitFor();
  await page.getByRole('link', { name: 'Create the first feature' }).click();
  await page.getByRole('dialog', { name: 'Create feature' }).waitFor();
});

test('home asks for at most three things', async () => {
  const page = await as('viewer');
  const asked: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (/^\/(api|auth)\//.test(pathname) && pathname !== '/api/admin/live') asked.push(pathname);
  });
  await page.goto('/');
  await page.getByRole('link', { name: 'Homely', exact: true }).waitFor();
  expect(asked.length, asked.join(', ')).toBeLessThanOrEqual(3);
});
