import { expect, test } from 'vitest';
import { as, prepare, url } from './people';

test('a token is created, shown once, works, is given an end, and is deleted', async () => {
  const page = await as('admin');
  await page.goto('/api-tokens');
  await page.getByRole('button', { name: 'Create API token' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Create API token' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('tokens-shop');
  await dialog.getByRole('button', { name: /Environment/ }).click();
  await page.getByRole('option', { name: /^production/ }).click();
  await dialog.getByText('opens a production environment').waitFor();
  await dialog.getByRole('radio', { name: 'Only some projects' }).press(' ');
  await dialog.getByRole('checkbox', { name: 'Default', exact: true }).press(' ');
  await dialog.getByRole('button', { name: 'Create API token' }).click();

  const shown = page.getByRole('alertdialog', { name: 'API token tokens-shop' });
  const secret = (await shown.getByRole('region', { name: 'API token' }).textContent()) ?? '';
  expect(secret).toMatch(/^default:production\./);
  expect(await shown.getByRole('link', { name: 'Connect an SDK' }).getAttribute('href')).toContain('/connect');
  await shown.getByRole('button', { name: 'Done' }).click();
  const features = () => fetch(`${url}/api/client/features`, { headers: { Authorization: secret } });
  expect((await features()).status).toBe(200);

  const row = page.getByRole('row', { name: /tokens-shop.*Backend.*production.*Default.*never/ });
  await row.waitFor();
  expect(await page.getByText(secret, { exact: true }).count(), 'the secret is not shown again').toBe(0);
  await page.getByRole('button', { name: 'Change the expiry of tokens-shop' }).click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /Expires/ })
    .click();
  await page.getByRole('option', { name: 'In 7 days' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page
    .getByRole('row', { name: /tokens-shop/ })
    .getByText('in 6 days')
    .waitFor();

  await page.getByRole('button', { name: 'Delete tokens-shop' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete API token' }).click();
  await page.getByRole('row', { name: /tokens-shop/ }).waitFor({ state: 'detached' });
  expect((await features()).status).toBe(401);
});

test('an end must be a day in the future', async () => {
  const page = await as('admin');
  await page.goto('/api-tokens?dialog=create');
  const dialog = page.getByRole('dialog', { name: 'Create API token' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('tokens-yesterday');
  await dialog.getByRole('button', { name: /Expires/ }).click();
  await page.getByRole('option', { name: 'On a day of your choice' }).click();
  await dialog.getByRole('button', { name: 'Create API token' }).click();
  await dialog.getByText('A day is needed.').waitFor();
  await dialog.getByLabel('Day and time').fill('2020-01-01T10:00');
  await dialog.getByText('The end must be in the future.').waitFor();
});

test('a member makes and deletes the tokens of their own project', async () => {
  await prepare('POST', '/api/admin/api-tokens', {
    tokenName: 'tokens-of-two',
    type: 'frontend',
    environment: 'development',
    projects: ['members-own', 'default'],
  });
  const page = await as('member');
  await page.goto('/projects/members-own/tokens');
  await page.getByRole('button', { name: 'Create API token' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Create API token' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('tokens-of-mine');
  await dialog.getByRole('button', { name: 'Create API token' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Done' }).click();
  await page.getByRole('row', { name: /tokens-of-mine/ }).waitFor();

  const others = page.getByRole('button', { name: 'Delete tokens-of-two' });
  expect(await others.getAttribute('aria-description')).toContain('DELETE_FRONTEND_API_TOKEN');
  await page.getByRole('button', { name: 'Delete tokens-of-mine' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete API token' }).click();
  await page.getByRole('row', { name: /tokens-of-mine/ }).waitFor({ state: 'detached' });
});

test('an editor sees tokens and is told why not to make any; a viewer sees none', async () => {
  const editor = await as('editor');
  await editor.goto('/api-tokens');
  const create = editor.getByRole('button', { name: 'Create API token' }).first();
  expect(await create.getAttribute('aria-description')).toContain('CREATE_FRONTEND_API_TOKEN');
  const viewer = await as('viewer');
  await viewer.goto('/api-tokens');
  await viewer.getByText('You may not look at API tokens').waitFor();
  await viewer.goto('/projects/default/tokens');
  await viewer.getByText('You may not look at this project’s API tokens').waitFor();
});

test('an end that somebody else has set meanwhile is not overwritten unseen', async () => {
  const body = { tokenName: 'tokens-both', type: 'backend', environment: 'development', projects: ['*'] };
  await prepare('POST', '/api/admin/api-tokens', body);
  const { tokens } = await prepare('GET', '/api/admin/api-tokens');
  const { secret } = tokens.find(({ tokenName }: { tokenName: string }) => tokenName === 'tokens-both');
  const page = await as('admin');
  await page.goto('/api-tokens');
  await page.getByRole('button', { name: 'Change the expiry of tokens-both' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change the expiry of tokens-both' });
  await dialog.getByRole('button', { name: /Expires/ }).waitFor();
  const theirs = new Date(Date.now() + 6 * 86_400_000).toISOString();
  await prepare('PUT', `/api/admin/api-tokens/${encodeURIComponent(secret)}`, { expiresAt: theirs });
  await dialog.getByText('Somebody else has saved changes since you began').waitFor();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Choose first what is to be kept').waitFor();
  await dialog.getByRole('button', { name: 'Take theirs' }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page
    .getByRole('row', { name: /tokens-both/ })
    .getByText('in 5 days')
    .waitFor();
});
