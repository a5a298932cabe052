import { expect, test } from 'vitest';
import { as, expectRefusals, prepare } from './people';

test('a tag type is created, edited and deleted', async () => {
  const page = await as('admin');
  await page.goto('/tag-types');
  await page.getByRole('button', { name: 'Create tag type' }).first().click();
  await page.getByRole('textbox', { name: 'Name' }).fill('squad');
  await page.getByRole('textbox', { name: 'Description' }).fill('Who looks after it');
  await page
    .getByRole('button', { name: /Colour/ })
    .last()
    .click();
  await page.getByRole('option', { name: 'Green' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Create tag type' }).click();
  await page.getByRole('row', { name: /squad.*Green/ }).waitFor();

  await page.getByRole('button', { name: 'Edit squad' }).click();
  await page.getByRole('textbox', { name: 'Description' }).fill('The people behind it');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /The people behind it/ }).waitFor();

  await page.getByRole('button', { name: 'Delete squad' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete tag type' }).click();
  await page.getByRole('row', { name: /squad/ }).waitFor({ state: 'detached' });
});

test('a name that is taken is told at the field', async () => {
  const page = await as('admin');
  await page.goto('/tag-types?dialog=create');
  await page.getByRole('textbox', { name: 'Name' }).fill('simple');
  await page.getByRole('dialog').getByRole('button', { name: 'Create tag type' }).click();
  await page.getByRole('alert').filter({ hasText: 'simple' }).waitFor();
  expectRefusals();
});

test('what two people edit is not overwritten unseen', async () => {
  await prepare('POST', '/api/admin/tag-types', { name: 'shared', description: 'first' });
  const page = await as('admin');
  await page.goto('/tag-types?dialog=edit&id=shared');
  await page.getByRole('textbox', { name: 'Description' }).fill('mine');
  await prepare('PUT', '/api/admin/tag-types/shared', { description: 'theirs' });
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /mine/ }).waitFor();
});

test('a viewer is told why not', async () => {
  const page = await as('viewer');
  await page.goto('/tag-types');
  const create = page.getByRole('button', { name: 'Create tag type' }).first();
  await create.waitFor();
  expect(await create.getAttribute('aria-disabled')).toBe('true');
  expect(await create.getAttribute('aria-description')).toContain('CREATE_TAG_TYPE');
});
