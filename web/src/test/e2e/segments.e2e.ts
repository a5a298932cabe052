import { expect, test } from 'vitest';
import { as, prepare } from './people';

test('a segment is created, edited and deleted', async () => {
  const page = await as('editor');
  await page.goto('/segments');
  await page.getByRole('button', { name: 'Create segment' }).first().click();
  await page.getByRole('textbox', { name: 'Name' }).fill('e2e-beta');
  await page.getByRole('button', { name: 'Add constraint' }).click();
  const dialog = page.getByRole('dialog');
  expect(await dialog.getByRole('button', { name: 'Create segment' }).getAttribute('aria-description')).toContain(
    'at least one value',
  );
  const values = page.getByRole('textbox', { name: 'Constraint 1: values' });
  await values.fill('ada,grace,');
  await dialog.getByRole('button', { name: 'Create segment' }).click();
  await page.getByRole('heading', { level: 1, name: 'e2e-beta' }).waitFor();

  await page.getByRole('button', { name: 'Edit segment' }).click();
  await page.getByRole('button', { name: 'Remove grace' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Save segment' }).click();
  await page.getByRole('alertdialog').getByText('grace').first().waitFor();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Save segment' }).click();
  await page.getByRole('alertdialog').waitFor({ state: 'detached' });
  await page.getByText('grace').waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Delete segment' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete segment' }).click();
  await page.getByRole('heading', { level: 1, name: 'Segments' }).waitFor();
});

test('a segment in use says where, and stays', async () => {
  const { id } = await prepare('POST', '/api/admin/segments', { name: 'e2e-used', constraints: [] });
  await prepare('POST', '/api/admin/projects/default/features', { name: 'e2e-of-segment' });
  await prepare('POST', '/api/admin/projects/default/features/e2e-of-segment/environments/development/strategies', {
    name: 'default',
    segments: [id],
  });
  const page = await as('editor');
  await page.goto(`/segments/${id}`);
  await page.getByRole('link', { name: 'e2e-of-segment' }).waitFor();
  expect(await page.getByRole('button', { name: 'Delete segment' }).getAttribute('aria-description')).toContain(
    'in use',
  );
});

test('a viewer is told why not', async () => {
  const page = await as('viewer');
  await page.goto('/segments');
  const create = page.getByRole('button', { name: 'Create segment' }).first();
  expect(await create.getAttribute('aria-description')).toContain('CREATE_SEGMENT');
});

test('what two people edit is not overwritten unseen', async () => {
  const segment = { name: 'segments-both', constraints: [] };
  const { id } = await prepare('POST', '/api/admin/segments', segment);
  const page = await as('editor');
  await page.goto(`/segments/${id}?dialog=edit`);
  const description = page.getByRole('textbox', { name: 'Description' });
  await description.fill('mine');
  await prepare('PUT', `/api/admin/segments/${id}`, { ...segment, description: 'theirs' });
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await expect.poll(() => description.inputValue()).toBe('theirs');
});
