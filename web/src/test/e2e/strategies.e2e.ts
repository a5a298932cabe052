import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { as, expectRefusals, prepare } from './people';

const act = async (page: Page, strategy: string, verb: string | RegExp) => {
  await page.getByRole('button', { name: `Actions for ${strategy}` }).click();
  await page.getByRole('menuitem', { name: verb }).click();
};

test('a custom strategy is created, edited, deprecated, reactivated and deleted', async () => {
  const page = await as('editor');
  await page.goto('/strategies');
  await page.getByRole('button', { name: 'Create custom strategy' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create custom strategy' });
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('byShop');
  await dialog.getByRole('textbox', { name: 'Title' }).fill('By shop');
  await dialog.getByRole('button', { name: 'Add parameter' }).click();
  await dialog.getByRole('button', { name: 'Create custom strategy' }).click();
  await dialog.getByText('A name is needed.').waitFor();
  const parameter = dialog.getByRole('group', { name: 'Parameter 1' });
  await parameter.getByRole('textbox', { name: 'Parameter’s name' }).fill('shops');
  await parameter.getByRole('button', { name: /Type/ }).click();
  await page.getByRole('option', { name: /List/ }).click();
  await parameter.getByRole('checkbox', { name: 'Has to be filled in' }).press(' ');
  await dialog.getByRole('button', { name: 'Create custom strategy' }).click();
  const row = page.getByRole('row', { name: /By shop/ });
  await row.getByText('shops').waitFor();
  await row.getByText('custom').waitFor();

  await act(page, 'By shop', 'Edit');
  await page.getByRole('textbox', { name: 'Title' }).fill('By place');
  await page.getByRole('button', { name: 'Add parameter' }).click();
  const second = page.getByRole('group', { name: 'Parameter 2' });
  await second.getByRole('textbox', { name: 'Parameter’s name' }).fill('open');
  await page.getByRole('button', { name: 'Remove parameter 1' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  const place = page.getByRole('row', { name: /By place/ });
  await place.getByText('open').waitFor();
  await place.getByText('shops').waitFor({ state: 'detached' });

  await act(page, 'By place', 'Deprecate');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Deprecate' }).click();
  await place.getByText('deprecated').waitFor();
  await act(page, 'By place', 'Reactivate');
  await place.getByText('deprecated').waitFor({ state: 'detached' });
  await act(page, 'By place', 'Delete');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete custom strategy' }).click();
  await place.waitFor({ state: 'detached' });
});

test('a built-in strategy cannot be edited, and its name is taken', async () => {
  const page = await as('editor');
  await page.goto('/strategies');
  await page.getByRole('button', { name: 'Actions for Gradual rollout' }).click();
  for (const verb of [/Edit/, /Delete/]) {
    const entry = page.getByRole('menuitem', { name: verb });
    expect(await entry.getAttribute('aria-disabled')).toBe('true');
    await entry.getByText('It is built in').waitFor();
  }
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Create custom strategy' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create custom strategy' });
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('default');
  await dialog.getByRole('button', { name: 'Create custom strategy' }).click();
  await dialog.getByText(/default.*exists|exists.*default/).waitFor();
  expectRefusals();
});

test('a viewer is told why not', async () => {
  const page = await as('viewer');
  await page.goto('/strategies');
  const create = page.getByRole('button', { name: 'Create custom strategy' });
  expect(await create.getAttribute('aria-description')).toContain('CREATE_STRATEGY');
  await page.getByRole('button', { name: 'Actions for Gradual rollout' }).click();
  expect(await page.getByRole('menuitem', { name: /Deprecate/ }).getAttribute('aria-disabled')).toBe('true');
});

test('what two people edit is not overwritten unseen', async () => {
  await prepare('POST', '/api/admin/strategies', { name: 'bothEdit', title: 'Both edit', parameters: [] });
  const page = await as('editor');
  await page.goto('/strategies?dialog=edit&id=bothEdit');
  await page.getByRole('textbox', { name: 'Description' }).fill('mine');
  const parameters = [{ name: 'theirs', type: 'string' }];
  await prepare('PUT', '/api/admin/strategies/bothEdit', { parameters });
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await page.getByRole('group', { name: 'Parameter 1' }).waitFor();
  await page.getByRole('textbox', { name: 'Description' }).fill('mine');
  await page.getByRole('button', { name: 'Save' }).click();
  await page
    .getByRole('row', { name: /Both edit.*mine/ })
    .getByText('theirs')
    .waitFor();
});

test('before a type is deprecated or deleted, one sees which features use it', async () => {
  await prepare('POST', '/api/admin/strategies', { name: 'usedType', title: 'Used type', parameters: [] });
  await prepare('POST', '/api/admin/projects/default/features', { name: 'uses-a-type', type: 'release' });
  const strategies = '/api/admin/projects/default/features/uses-a-type/environments/development/strategies';
  await prepare('POST', strategies, { name: 'usedType' });
  const page = await as('editor');
  await page.goto('/strategies');
  for (const verb of ['Deprecate', 'Delete']) {
    await act(page, 'Used type', verb);
    const asked = page.getByRole('alertdialog');
    await asked.getByText('One feature uses it:').waitFor();
    await asked.getByRole('link', { name: 'uses-a-type' }).waitFor();
    await asked.getByRole('button', { name: 'Cancel' }).click();
    await asked.waitFor({ state: 'detached' });
  }
  await act(page, 'Used type', 'Delete');
  await page.getByRole('alertdialog').getByRole('link', { name: 'uses-a-type' }).click();
  await page.getByRole('heading', { name: 'uses-a-type', level: 1 }).waitFor();
  await page.getByRole('alertdialog').waitFor({ state: 'detached' });
});

test('everybody sees where a built-in type is used, also by its link', async () => {
  await prepare('POST', '/api/admin/strategies', { name: 'unusedType', title: 'Unused type', parameters: [] });
  await prepare('POST', '/api/admin/projects/default/features', { name: 'uses-ips', type: 'release' });
  const strategies = '/api/admin/projects/default/features/uses-ips/environments/production/strategies';
  await prepare('POST', strategies, { name: 'remoteAddress', parameters: { IPs: '10.0.0.1' } });
  const page = await as('viewer');
  await page.goto('/strategies');
  await act(page, 'Addresses', 'See where it is used');
  const dialog = page.getByRole('dialog', { name: 'Where Addresses is used' });
  await dialog.getByRole('link', { name: 'uses-ips' }).waitFor();
  await dialog.getByText('production').waitFor();
  await page.goto('/strategies?dialog=uses&id=unusedType');
  await page.getByRole('dialog', { name: 'Where Unused type is used' }).getByText('No feature uses it.').waitFor();
});
