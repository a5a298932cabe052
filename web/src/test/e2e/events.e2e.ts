import { beforeAll, expect, test } from 'vitest';
import { as, prepare, url } from './people';

beforeAll(async () => {
  await prepare('POST', '/api/admin/projects', { id: 'evented', name: 'Evented' });
  await prepare('POST', '/api/admin/projects/evented/features', { name: 'evented-one', type: 'release' });
  await prepare('POST', '/api/admin/projects/evented/features', { name: 'evented-two', type: 'release' });
  await prepare('PUT', '/api/admin/projects/evented/features/evented-one', {
    description: 'Said afterwards',
    type: 'experiment',
  });
  await prepare('POST', '/api/admin/projects/evented/features/evented-one/environments/production/on');
});

test('an event is found by its filters and unfolds to what it changed', async () => {
  const page = await as('admin');
  await page.goto('/events');
  await page.getByRole('button', { name: 'Project', exact: true }).click();
  await page.getByRole('option', { name: 'Evented' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Type', exact: true }).click();
  await page.getByRole('searchbox', { name: 'Find type' }).fill('metadata');
  await page.getByRole('option', { name: 'Feature metadata updated' }).click();
  await page.keyboard.press('Escape');
  await page.getByText('1 to 1 of 1').waitFor();
  expect(new URL(page.url()).searchParams.get('project')).toBe('evented');
  expect(new URL(page.url()).searchParams.get('type')).toBe('feature-metadata-updated');

  await page.getByRole('button', { name: /Details of event/ }).click();
  await page.getByText('Said afterwards').waitFor();
  await page.getByText('experiment').waitFor();

  await page.getByRole('link', { name: 'Only this event' }).click();
  await page.waitForURL(/\/events\?id=\d+$/);
  await page.getByText('1 to 1 of 1').waitFor();
  await page.getByText('Said afterwards').waitFor();

  await page.getByRole('button', { name: 'Clear all' }).click();
  await page.waitForURL(/\/events$/);
});

test('a name that nobody offers can be typed as a filter, and the address brings it back', async () => {
  const page = await as('admin');
  await page.goto('/events');
  await page.getByRole('button', { name: 'Feature', exact: true }).click();
  await page.getByRole('searchbox', { name: 'Find feature' }).fill('evented-two');
  await page.getByRole('option', { name: 'evented-two' }).click();
  await page.keyboard.press('Escape');
  await page.getByText('1 to 1 of 1').waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Feature: evented-two' }).waitFor();
  await page.getByText('1 to 1 of 1').waitFor();
});

test('the log is read page by page', async () => {
  for (let n = 0; n < 51; n++) {
    await prepare('PUT', '/api/admin/projects/evented/features/evented-two', { description: `Number ${n}` });
  }
  const page = await as('admin');
  await page.goto('/events?feature=evented-two');
  await page.getByText('1 to 50 of 52').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('51 to 52 of 52').waitFor();
  await page
    .getByRole('button', { name: /Details of event/ })
    .nth(1)
    .waitFor();
  expect(await page.getByRole('button', { name: /Details of event/ }).count()).toBe(2);
  await page.goBack();
  await page.getByText('1 to 50 of 52').waitFor();
});

test('what happens now appears by itself', async () => {
  const page = await as('admin');
  await page.goto('/projects/evented/events?type=feature-archived');
  await page.getByText('No event fits').waitFor();
  await prepare('POST', '/api/admin/projects/evented/features', { name: 'evented-three', type: 'release' });
  await prepare('DELETE', '/api/admin/projects/evented/features/evented-three');
  await page.getByText('evented-three').waitFor();
});

test('a project and a feature have their own part of the log', async () => {
  const page = await as('viewer');
  await page.goto('/projects/evented/events');
  await page.getByRole('link', { name: 'evented-two' }).first().waitFor();
  await page.goto('/projects/evented/features/evented-one/events');
  await page.getByText('turned on').waitFor();
  expect(await page.getByText('evented-two').count()).toBe(0);
});

test('what happens in a private project is hidden from those who are not in it', async () => {
  const viewer = await as('viewer');
  await viewer.goto('/events?project=members-own');
  await viewer.getByText('No event fits').waitFor();
  const member = await as('member');
  await member.goto('/events?project=members-own');
  await member.getByText('created project').first().waitFor();
});

test('pages of events ask for at most three things', async () => {
  const page = await as('admin');
  for (const path of ['/events', '/projects/evented/events', '/projects/evented/features/evented-one/events']) {
    const asked: string[] = [];
    const note = (request: { url: () => string }) => {
      const { pathname } = new URL(request.url());
      if (/^\/(api|auth)\//.test(pathname) && pathname !== '/api/admin/live') asked.push(pathname);
    };
    page.on('request', note);
    await page.goto(url + path);
    await page
      .getByRole('button', { name: /Details of event/ })
      .first()
      .waitFor();
    page.off('request', note);
    expect(asked.length, `${path}: ${asked.join(', ')}`).toBeLessThanOrEqual(3);
  }
});
