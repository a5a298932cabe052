import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { as, expectRefusals, prepare } from './people';

const webhook = (description: string, more: object = {}) => ({
  provider: 'webhook',
  description,
  enabled: true,
  events: ['feature-created'],
  projects: [],
  environments: [],
  parameters: { url: 'https://hooks.flagstone.invalid/hook', authorization: 'Bearer very-secret' },
  ...more,
});

test('a webhook is created, found, edited with its secret kept, disabled and deleted', async () => {
  const page = await as('admin');
  await page.goto('/integrations');
  await page.getByRole('button', { name: 'Create integration' }).first().click();
  await page.getByRole('button', { name: /^Webhook/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Create integration with Webhook' });
  await dialog.getByRole('button', { name: 'Create integration' }).click();
  await dialog.getByText('Address is needed.').waitFor();
  await dialog.getByRole('textbox', { name: 'Description' }).fill('Release bot');
  await dialog.getByRole('textbox', { name: 'Address' }).fill('https://hooks.flagstone.invalid/made');
  await dialog.getByRole('searchbox', { name: 'Filter types of events' }).fill('segment');
  await dialog.getByText('Segments', { exact: true }).click();
  await dialog.getByText('production', { exact: true }).click();
  await dialog.getByRole('button', { name: 'Create integration' }).click();
  await dialog.waitFor({ state: 'detached' });
  const row = page.getByRole('row', { name: /Release bot/ });
  await row.getByText('10 types of events of all projects, in production').waitFor();

  await page.getByRole('link', { name: 'Release bot' }).click();
  await page.getByText('*****').waitFor();
  await page.getByRole('button', { name: 'Edit integration' }).click();
  const edit = page.getByRole('dialog', { name: 'Edit integration with Webhook' });
  expect(await edit.getByRole('textbox', { name: 'Address' }).inputValue()).toBe('*****');
  await edit.getByRole('textbox', { name: 'Description' }).fill('Release robot');
  await edit.getByText('All events').click();
  await edit.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'Release robot', level: 1 }).waitFor();

  await page.getByText('Enabled', { exact: true }).click();
  await page.getByText('It is disabled, so it is told of nothing.').waitFor();

  await page.getByRole('button', { name: 'Delete integration' }).click();
  await page.getByRole('alertdialog').getByText('It is told of all events of all projects, in production').waitFor();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete integration' }).click();
  await page.waitForURL('/integrations');
  await page.getByRole('row', { name: /Release robot/ }).waitFor({ state: 'detached' });
});

test('what the server finds wrong is told at the parameter', async () => {
  const page = await as('admin');
  await page.goto('/integrations?dialog=create&provider=webhook');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Address' }).fill('http://10.0.0.1/hook');
  await dialog.getByRole('button', { name: 'Create integration' }).click();
  await dialog.getByText(/private or reserved/).waitFor();
  expectRefusals();
});

test('deliveries are shown, and with the reason where they fail', async () => {
  const answers = [400, 200];
  const hook = createServer((_, answer) => answer.writeHead(answers.shift() ?? 200).end());
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const address = hook.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const made = await prepare(
    'POST',
    '/api/admin/addons',
    webhook('Letter box', { parameters: { url: `http://127.0.0.1:${port}/hook` } }),
  );
  await prepare('POST', '/api/admin/projects/default/features', { name: 'integration-refused', type: 'release' });
  await prepare('POST', '/api/admin/projects/default/features', { name: 'integration-told', type: 'release' });
  const page = await as('admin');
  await page.goto(`/integrations/${made.id}`);
  await page.getByRole('row', { name: /delivered.*created integration-told/ }).waitFor({ timeout: 30_000 });
  const failed = page.getByRole('row', { name: /failed.*created integration-refused.*400/ });
  await failed.getByRole('link').click();
  await page.getByText('1 to 1 of 1').waitFor();
  await prepare('DELETE', `/api/admin/addons/${made.id}`);
  hook.close();
});

test('an integration is tested, also while it is disabled, and one is told how it went', async () => {
  const answers = [200, 400];
  const hook = createServer((_, answer) => answer.writeHead(answers.shift() ?? 200).end());
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const address = hook.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const parameters = { url: `http://127.0.0.1:${port}/hook` };
  const made = await prepare('POST', '/api/admin/addons', webhook('Tried out', { enabled: false, parameters }));
  const page = await as('admin');
  await page.goto(`/integrations/${made.id}`);
  const send = page.getByRole('button', { name: 'Send a test' });
  await send.click();
  await page.getByText('The test was delivered').waitFor();
  await page.getByRole('row', { name: /^delivered a test/ }).waitFor();
  await send.click();
  await page.getByText('The test could not be delivered').waitFor();
  await page.getByRole('row', { name: /^failed a test.*400/ }).waitFor();

  const viewer = await as('viewer');
  await viewer.goto(`/integrations/${made.id}`);
  const refused = viewer.getByRole('button', { name: 'Send a test' });
  expect(await refused.getAttribute('aria-description')).toContain('UPDATE_ADDON');
  await prepare('DELETE', `/api/admin/addons/${made.id}`);
  hook.close();
});

test('a viewer reads integrations but changes none, and sees no deliveries', async () => {
  const made = await prepare('POST', '/api/admin/addons', webhook('Read only'));
  const page = await as('viewer');
  await page.goto(`/integrations/${made.id}`);
  await page.getByText('Only administrators see what was delivered').waitFor();
  const edit = page.getByRole('button', { name: 'Edit integration' });
  expect(await edit.getAttribute('aria-description')).toContain('UPDATE_ADDON');
  await page.goto('/integrations');
  const create = page.getByRole('button', { name: 'Create integration' }).first();
  expect(await create.getAttribute('aria-description')).toContain('CREATE_ADDON');
  await prepare('DELETE', `/api/admin/addons/${made.id}`);
});

test('an integration that is gone is told as not found', async () => {
  const page = await as('admin');
  await page.goto('/integrations/987654');
  await page.getByRole('heading', { name: 'Not found' }).waitFor();
});

test('what two people edit is not overwritten unseen', async () => {
  const { id } = await prepare('POST', '/api/admin/addons', webhook('Both edit'));
  const page = await as('editor');
  await page.goto(`/integrations/${id}?dialog=edit`);
  const dialog = page.getByRole('dialog', { name: 'Edit integration with Webhook' });
  const address = dialog.getByRole('textbox', { name: 'Address' });
  await address.fill('https://hooks.flagstone.invalid/mine');
  await prepare('PUT', `/api/admin/addons/${id}`, webhook('Theirs'));
  await dialog.getByText('Somebody else has saved changes since you began').waitFor();
  await dialog.getByRole('button', { name: 'Take theirs' }).click();
  await expect.poll(() => dialog.getByRole('textbox', { name: 'Description' }).inputValue()).toBe('Theirs');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
});
