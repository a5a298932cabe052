import { beforeAll, expect, test } from 'vitest';
import { as, expectRefusals, prepare } from './people';

const project = '/api/admin/projects/played';

beforeAll(async () => {
  await prepare('POST', '/api/admin/projects', { id: 'played', name: 'Played' });
  await prepare('POST', '/api/admin/context', {
    name: 'playedRegion',
    description: 'Where they are',
    legalValues: [{ value: 'north' }, { value: 'south' }],
  });
  await prepare('POST', `${project}/features`, { name: 'played-region', type: 'release' });
  await prepare('POST', `${project}/features/played-region/environments/development/strategies`, {
    name: 'flexibleRollout',
    title: 'Northern people',
    parameters: { rollout: '100', stickiness: 'default', groupId: 'played' },
    constraints: [{ contextName: 'playedRegion', operator: 'IN', values: ['north'] }],
  });
  await prepare('POST', `${project}/features/played-region/environments/development/on`);
  await prepare('POST', `${project}/features`, { name: 'played-off', type: 'release' });
});

test('several values of a field become columns, and a cell says why', async () => {
  const page = await as('viewer');
  await page.goto('/playground?projects=played&environments=development');
  const field = page.getByRole('combobox', { name: 'Add a field or property' });
  await field.fill('playedReg');
  await page.getByRole('option', { name: /playedRegion/ }).click();
  await page.getByRole('combobox', { name: 'playedRegion' }).fill('north, south');
  await page.getByRole('columnheader', { name: /^development ?: playedRegion north$/ }).waitFor();
  await page.getByRole('columnheader', { name: /^development ?: playedRegion south$/ }).waitFor();
  await page
    .getByRole('button', { name: /played-region in development, playedRegion north: On Northern people/ })
    .waitFor();
  await page
    .getByRole('button', { name: /played-region in development, playedRegion south: Off no strategy lets it in/ })
    .click();
  const dialog = page.getByRole('dialog', { name: /played-region: off/ });
  await dialog.getByText('It is on in development.').waitFor();
  await dialog.getByText(/^Does not hold: playedRegion is one of north$/).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await dialog.waitFor({ state: 'detached' });
});

test('an offered value is chosen, and the address holds the whole context', async () => {
  const page = await as('admin');
  await page.goto('/playground?projects=played&environments=development&context=playedRegion%3D');
  await page.getByRole('combobox', { name: 'playedRegion' }).click();
  await page.getByRole('option', { name: 'south' }).click();
  await page.getByRole('button', { name: /played-region in development: Off/ }).waitFor();
  const context = new URL(page.url()).searchParams.get('context');
  expect(new URLSearchParams(context ?? '').get('playedRegion')).toBe('south');

  const other = await as('viewer');
  await other.goto(page.url());
  await other.getByRole('button', { name: /played-region in development: Off/ }).waitFor();
  expect(await other.getByRole('combobox', { name: 'playedRegion' }).inputValue()).toBe('south');
});

test('any property can be given, and taken away again', async () => {
  const page = await as('admin');
  await page.goto('/playground?projects=played&environments=development');
  await page.getByRole('combobox', { name: 'Add a field or property' }).fill('shoeSize');
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'shoeSize' }).fill('42');
  await page.waitForURL(/shoeSize%3D42/);
  await page.getByRole('button', { name: 'Remove shoeSize' }).click();
  await page.waitForURL((address) => !address.search.includes('shoeSize'));
});

test('only what differs can be shown', async () => {
  const page = await as('admin');
  await page.goto('/playground?projects=played&environments=development,production');
  await page.getByRole('button', { name: /played-off in production: Off/ }).waitFor();
  await page.goto(
    '/playground?projects=played&environments=development&context=playedRegion%3Dnorth%2Csouth&show=differ',
  );
  await page.getByRole('button', { name: /played-region in development, playedRegion north: On/ }).waitFor();
  expect(await page.getByRole('button', { name: /played-off/ }).count()).toBe(0);
});

test('too much at once is refused with the reason', async () => {
  const page = await as('admin');
  // 100 times 100 contexts, for two features.
  const many = Array.from({ length: 100 }, (_, n) => n).join(',');
  await page.goto(`/playground?projects=played&environments=development&context=${encodeURIComponent(`a=${many}`)}`);
  await page.getByRole('textbox', { name: 'userId' }).fill(many);
  await page.getByRole('alert').filter({ hasText: 'combinations' }).waitFor();
  expectRefusals();
});

test('the features stay in sight while a wide matrix scrolls', async () => {
  const page = await as('viewer', { width: 800 });
  const regions = Array.from({ length: 8 }, (_, nth) => `region-${nth}`).join(',');
  await page.goto(`/playground?projects=played&context=${encodeURIComponent(`playedRegion=${regions}`)}`);
  const last = page.getByRole('button', { name: /played-off in production, playedRegion region-7/ });
  await last.scrollIntoViewIfNeeded();
  const name = await page.getByRole('link', { name: 'played-off' }).boundingBox();
  const table = await page.getByRole('region', { name: 'Answers' }).boundingBox();
  expect(name && table && name.x >= table.x && name.x < table.x + 40, 'the name stands at the left edge').toBe(true);
  // It is above what scrolls beneath it.
  await page.getByRole('link', { name: 'played-off' }).click({ trial: true });
});
