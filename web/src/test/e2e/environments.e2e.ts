import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { as, prepare } from './people';

const act = async (page: Page, environment: string, verb: string) => {
  await page.getByRole('button', { name: `Actions for ${environment}` }).click();
  await page.getByRole('menuitem', { name: verb }).click();
};

const namesInOrder = async (page: Page) => {
  const grips = await page.getByRole('button', { name: /^Move / }).all();
  return Promise.all(grips.map((grip) => grip.getAttribute('aria-label')));
};

test('an environment is created, edited, closed, opened, cloned and deleted', async () => {
  const page = await as('admin');
  await page.goto('/environments');
  await page.getByRole('button', { name: 'Create environment' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('stage-one');
  await page.getByRole('radio', { name: /^Test/ }).press(' ');
  await page.getByRole('dialog').getByRole('button', { name: 'Create environment' }).click();
  await page
    .getByRole('row', { name: /stage-one/ })
    .getByText('Test')
    .waitFor();

  await act(page, 'stage-one', 'Edit');
  await page.getByRole('radio', { name: /^Production/ }).press(' ');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /stage-one \(production\)/ }).waitFor();

  const isOpen = page.getByRole('switch', { name: 'stage-one is open to projects and tokens' });
  await isOpen.press(' ');
  await page.getByRole('alertdialog').getByText('production environment').waitFor();
  await page.getByRole('button', { name: 'Close environment' }).click();
  await page.getByRole('switch', { name: /stage-one/, checked: false }).waitFor();
  await isOpen.press(' ');
  await page.getByRole('switch', { name: /stage-one/, checked: true }).waitFor();

  await act(page, 'stage-one', 'Clone');
  await page.getByRole('textbox', { name: 'Name' }).fill('stage-two');
  await page.getByRole('radio', { name: 'Only some projects' }).press(' ');
  await page.getByRole('button', { name: 'Clone environment' }).click();
  await page.getByText('Choose one project at least').waitFor();
  await page.getByRole('checkbox', { name: 'Default', exact: true }).press(' ');
  await page.getByRole('button', { name: 'Clone environment' }).click();
  await page.getByRole('row', { name: /stage-two/ }).waitFor();

  for (const name of ['stage-one', 'stage-two']) {
    await act(page, name, 'Delete');
    const asked = page.getByRole('alertdialog');
    expect(await asked.getByRole('button', { name: 'Delete environment' }).getAttribute('aria-disabled')).toBe('true');
    await asked.getByRole('textbox', { name: `Type ${name} to go on` }).fill(name);
    await asked.getByRole('button', { name: 'Delete environment' }).click();
    await page.getByRole('row', { name: new RegExp(name) }).waitFor({ state: 'detached' });
  }
});

test('environments are put in order by keyboard, menu and pointer', async () => {
  for (const name of ['order-a', 'order-b', 'order-c'])
    await prepare('POST', '/api/admin/environments', { name, type: 'test' });
  const page = await as('admin');
  await page.goto('/environments');
  await page.getByRole('row', { name: /order-c/ }).waitFor();
  const mine = async () => (await namesInOrder(page)).filter((name) => name?.includes('order-'));
  expect(await mine()).toEqual(['Move order-a', 'Move order-b', 'Move order-c']);

  const grip = page.getByRole('button', { name: 'Move order-b' });
  await grip.focus();
  await page.keyboard.press('ArrowUp');
  await page.getByText(/order-b is now \d+ of/).waitFor();
  expect(await mine()).toEqual(['Move order-b', 'Move order-a', 'Move order-c']);
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Move order-b');

  await act(page, 'order-a', 'Move down');
  await page.getByText(/order-a is now \d+ of/).waitFor();
  expect(await mine()).toEqual(['Move order-b', 'Move order-c', 'Move order-a']);

  await page.getByRole('button', { name: 'Move order-a' }).hover();
  await page.mouse.down();
  await page.getByRole('button', { name: 'Move order-b' }).hover();
  const stored = page.waitForResponse((answer) => answer.url().endsWith('/sort-order'));
  await page.mouse.up();
  expect((await stored).status()).toBe(200);
  await page.reload();
  await page.getByRole('button', { name: 'Move order-a' }).waitFor();
  expect(await mine()).toEqual(['Move order-a', 'Move order-b', 'Move order-c']);
  for (const name of ['order-a', 'order-b', 'order-c']) await prepare('DELETE', `/api/admin/environments/${name}`);
});

test('an editor is told why not', async () => {
  const page = await as('editor');
  await page.goto('/environments');
  const create = page.getByRole('button', { name: 'Create environment' });
  expect(await create.getAttribute('aria-description')).toContain('administrators');
  const isOpen = page.getByRole('switch', { name: 'development is open to projects and tokens' });
  expect(await isOpen.getAttribute('aria-description')).toContain('administrators');
  await page.getByRole('button', { name: 'Actions for development' }).click();
  const remove = page.getByRole('menuitem', { name: /Delete/ });
  expect(await remove.getAttribute('aria-disabled')).toBe('true');
  await page.keyboard.press('Escape');
});

test('what two people edit is not overwritten unseen', async () => {
  await prepare('POST', '/api/admin/environments', { name: 'both-edit', type: 'test' });
  const page = await as('admin');
  await page.goto('/environments?dialog=edit&id=both-edit');
  await page.getByRole('radio', { name: /^Development/ }).press(' ');
  await prepare('PUT', '/api/admin/environments/update/both-edit', { type: 'production' });
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page
    .getByRole('row', { name: /both-edit/ })
    .getByText('Development')
    .waitFor();
  await prepare('DELETE', '/api/admin/environments/both-edit');
});
