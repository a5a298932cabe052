import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { as, prepare } from './people';

beforeAll(async () => {
  for (const id of ['transfer-from', 'transfer-to']) await prepare('POST', '/api/admin/projects', { id, name: id });
  for (const name of ['transfer-one', 'transfer-two']) {
    await prepare('POST', '/api/admin/projects/transfer-from/features', { name, type: 'release' });
  }
  await prepare('POST', '/api/admin/projects/transfer-from/features/transfer-one/environments/development/strategies', {
    name: 'flexibleRollout',
    parameters: { rollout: '30', stickiness: 'default', groupId: 'transfer-one' },
  });
});

async function exportOf(page: Awaited<ReturnType<typeof as>>): Promise<string> {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as JSON' }).click();
  return readFileSync(await (await waiting).path(), 'utf8');
}

test('chosen features of a project are exported', async () => {
  const page = await as('admin');
  await page.goto('/import-export?tab=export&project=transfer-from&environment=development');
  await page.getByText('Some of a project').click();
  const button = page.getByRole('button', { name: 'Export as JSON' });
  expect(await button.getAttribute('aria-description')).toContain('at least one feature');
  await page.getByRole('searchbox', { name: 'Filter features' }).fill('one');
  await page.getByText('transfer-one', { exact: true }).click();
  const data = JSON.parse(await exportOf(page));
  expect(data.features.map((feature: { name: string }) => feature.name)).toEqual(['transfer-one']);
  expect(data.featureStrategies[0].parameters.rollout).toBe('30');
});

test('a tag that nothing has exports nothing, and says so', async () => {
  const page = await as('admin');
  await page.goto('/import-export?tab=export');
  await page.getByText('All with a tag').click();
  await page.getByRole('textbox', { name: 'What the tag says' }).fill('nobody-has-this');
  await page.getByRole('button', { name: 'Export as JSON' }).click();
  await page.getByText('there is nothing to export').waitFor();
});

test('an import shows what it changes before it does it', async () => {
  const data = {
    features: [{ name: 'transfer-new', type: 'release', description: 'Brought along' }],
    featureStrategies: [{ featureName: 'transfer-new', name: 'default' }],
    featureEnvironments: [{ name: 'transfer-new', featureName: 'transfer-new', environment: 'staging', enabled: true }],
    tagTypes: [],
  };
  const page = await as('admin');
  await page.goto('/import-export?tab=import&project=transfer-to&environment=development');
  await page.getByText('As text').click();
  const editor = page.getByRole('textbox', { name: 'Export as JSON' });
  await editor.fill('{"features": 1}');
  await page.getByText('This is no export').waitFor();
  await editor.fill(JSON.stringify(data));
  await page.getByText('It holds 1 feature, 1 strategy.').waitFor();
  await page.getByRole('button', { name: 'Check the import' }).click();
  await page.getByText('Nothing stands in the way.').waitFor();
  await page.getByText('Features: 1 created, 0 changed, 0 left as they are.').waitFor();
  await page.getByText('Brought along').last().waitFor();
  await page.getByRole('button', { name: 'Import features' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Import features' }).click();
  await page.waitForURL('/projects/transfer-to');
  const made = await prepare('GET', '/api/admin/projects/transfer-to/features/transfer-new');
  expect(made.description).toBe('Brought along');
});

test('what stands in the way of an import is told, and it cannot be done', async () => {
  const page = await as('admin');
  await page.goto('/import-export?tab=export&project=transfer-from&environment=development');
  const text = await exportOf(page);
  await page.getByRole('link', { name: 'Import', exact: true }).click();
  await page.goto('/import-export?tab=import&project=transfer-to&environment=development');
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose file' }).click();
  await (await choosing).setFiles({ name: 'other.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  await page.getByText('It holds 2 features').waitFor();
  await page.getByRole('button', { name: 'Check the import' }).click();
  await page.getByText('Stands in the way').waitFor();
  await page.getByText(/transfer-one \(in project transfer-from\)/).waitFor();
  const button = page.getByRole('button', { name: 'Import features' });
  expect(await button.getAttribute('aria-description')).toContain('First settle');
});

test('a viewer may export, but not import', async () => {
  const page = await as('viewer');
  await page.goto('/import-export?tab=export&project=transfer-from&environment=development');
  expect(JSON.parse(await exportOf(page)).features).toHaveLength(2);
  await page.goto('/import-export?tab=import&project=transfer-to&environment=development');
  await page.getByText('As text').click();
  const one = { features: [{ name: 'transfer-viewed' }], featureStrategies: [], tagTypes: [] };
  await page.getByRole('textbox', { name: 'Export as JSON' }).fill(JSON.stringify(one));
  await page.getByRole('button', { name: 'Check the import' }).click();
  await page.getByText('You lack permissions', { exact: true }).waitFor();
  const button = page.getByRole('button', { name: 'Import features' });
  expect(await button.getAttribute('aria-disabled')).toBe('true');
});
