import { expect, test } from 'vitest';
import { as, prepare } from './people';

test('a project is created, set up, archived, revived and deleted', async () => {
  const page = await as('admin');
  await page.goto('/projects');
  await page.getByRole('button', { name: 'Create project' }).first().click();
  await page.getByRole('textbox', { name: 'Name' }).fill('Payments');
  await page.getByRole('textbox', { name: 'Id' }).fill('e2e-payments');
  await page.getByRole('dialog').getByRole('button', { name: 'Create project' }).click();
  await page.getByRole('heading', { level: 1, name: 'Payments' }).waitFor();

  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('textbox', { name: 'Pattern for names of features' }).fill('^pay-[a-z-]+$');
  await page.getByRole('radio', { name: /^Protected/ }).check();
  await page.getByRole('button', { name: 'Save project' }).click();
  await page.getByText('The project is saved.').waitFor();
  const { featureNaming, mode } = await prepare('GET', '/api/admin/projects/e2e-payments/overview');
  expect([featureNaming.pattern, mode]).toEqual(['^pay-[a-z-]+$', 'protected']);

  await page.getByRole('button', { name: 'Edit default strategy in development' }).click();
  await page.getByRole('textbox', { name: 'Rollout in percent' }).fill('10');
  await page.getByRole('textbox', { name: 'Rollout in percent' }).blur();
  await page.getByRole('button', { name: 'Save default strategy' }).click();
  await page.getByText('begins with 10 % of everybody').waitFor();

  await page.getByRole('switch', { name: 'production in this project' }).click();
  await page.getByRole('button', { name: 'Take out' }).click();
  await expect.poll(() => page.getByRole('switch', { name: 'production in this project' }).isChecked()).toBe(false);

  await page.getByRole('button', { name: 'Archive project' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Archive project' }).click();
  await page.getByRole('heading', { level: 1, name: 'Projects' }).waitFor();
  await page.goto('/projects?archived=true');
  await page.getByRole('button', { name: 'Revive Payments' }).click();
  await page.getByRole('button', { name: 'Revive project' }).click();
  await page.getByRole('row', { name: /Payments/ }).waitFor({ state: 'detached' });

  await prepare('POST', '/api/admin/projects/archive/e2e-payments');
  await page.getByRole('button', { name: 'Delete Payments' }).click();
  await page.getByRole('textbox').last().fill('e2e-payments');
  await page.getByRole('button', { name: 'Delete project' }).click();
  await page.getByRole('row', { name: /Payments/ }).waitFor({ state: 'detached' });
});

test('a feature is marked as favourite and comes first', async () => {
  await prepare('POST', '/api/admin/projects', { id: 'e2e-stars', name: 'Stars' });
  for (const name of ['e2e-star-a', 'e2e-star-b'])
    await prepare('POST', '/api/admin/projects/e2e-stars/features', { name });
  const page = await as('viewer');
  await page.goto('/projects/e2e-stars?sort=name');
  await page.getByRole('button', { name: 'Add e2e-star-b to favourites' }).click();
  await page.getByRole('button', { name: 'Remove e2e-star-b from favourites' }).waitFor();
  await expect.poll(() => page.getByRole('row').nth(1).textContent()).toContain('e2e-star-b');
});

test('what a project has and how it fares is shown', async () => {
  await prepare('POST', '/api/admin/projects', { id: 'e2e-insights', name: 'Insights' });
  for (const name of ['e2e-old', 'e2e-new'])
    await prepare('POST', '/api/admin/projects/e2e-insights/features', { name });
  await prepare('POST', '/api/admin/projects/e2e-insights/stale', { features: ['e2e-old'], stale: true });
  const page = await as('viewer');
  await page.goto('/projects/e2e-insights/insights');
  await page.getByText('50 %').waitFor();
  await page.getByRole('link', { name: '1 stale' }).click();
  await page.getByRole('link', { name: 'e2e-old' }).waitFor();
  expect(await page.getByRole('link', { name: 'e2e-new' }).count()).toBe(0);
});

test('whoever is no member of a private project does not learn of it', async () => {
  const page = await as('viewer');
  await page.goto('/projects');
  await page.getByRole('row', { name: /default/i }).waitFor();
  expect(await page.getByText('Member’s own').count()).toBe(0);
  const member = await as('member');
  await member.goto('/projects');
  await member.getByRole('link', { name: 'Member’s own' }).click();
  await member.getByRole('heading', { level: 1, name: 'Member’s own' }).waitFor();
});

test('a default strategy that somebody else has changed meanwhile is not overwritten unseen', async () => {
  await prepare('POST', '/api/admin/projects', { id: 'e2e-both-default', name: 'Two at once' });
  const page = await as('admin');
  await page.goto('/projects/e2e-both-default/settings?dialog=default-strategy&environment=development');
  const rollout = page.getByRole('textbox', { name: 'Rollout in percent' });
  await rollout.fill('10');
  await rollout.blur();
  await prepare('POST', '/api/admin/projects/e2e-both-default/environments/development/default-strategy', {
    name: 'flexibleRollout',
    parameters: { rollout: '40', stickiness: 'default', groupId: '' },
  });
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await expect.poll(() => rollout.inputValue()).toBe('40');
});
