import { expect, test } from 'vitest';
import { as, expectRefusals, prepare } from './people';

test('a context field with legal values is created, edited and deleted', async () => {
  const page = await as('admin');
  await page.goto('/context-fields');
  await page.getByRole('button', { name: 'Create context field' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create context field' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('tier');
  await dialog.getByRole('textbox', { name: 'Description' }).fill('What the customer pays for');
  await dialog.getByText('Rollouts can stick to it').click();
  await dialog.getByRole('button', { name: 'Add legal value' }).click();
  await dialog.getByRole('textbox', { name: 'Legal value 1', exact: true }).fill('gold');
  await dialog.getByRole('textbox', { name: 'What legal value 1 means' }).fill('The dearest');
  await dialog.getByRole('button', { name: 'Create context field' }).click();

  await page.getByRole('heading', { name: 'tier', level: 1 }).waitFor();
  await page.getByText('The dearest').waitFor();
  await page.getByText('Rollouts can stick to it').waitFor();

  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByRole('button', { name: 'Add legal value' }).click();
  await page.getByRole('textbox', { name: 'Legal value 2', exact: true }).fill('silver');
  await page.getByRole('button', { name: 'Remove legal value 1' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('silver').waitFor();
  await page.getByText('The dearest').waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete context field' }).click();
  await page.getByRole('heading', { name: 'Context fields', level: 1 }).waitFor();
  await page.getByRole('row', { name: /tier/ }).waitFor({ state: 'detached' });
});

test('a name that is taken and a value that stands twice are told at their fields', async () => {
  const page = await as('admin');
  await page.goto('/context-fields?dialog=create');
  const dialog = page.getByRole('dialog', { name: 'Create context field' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('userId');
  await dialog.getByRole('button', { name: 'Create context field' }).click();
  await dialog.getByText(/userId/).waitFor();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('twice');
  for (const place of [1, 2]) {
    await dialog.getByRole('button', { name: 'Add legal value' }).click();
    await dialog.getByRole('textbox', { name: `Legal value ${place}`, exact: true }).fill('same');
  }
  await dialog.getByRole('button', { name: 'Create context field' }).click();
  await dialog.getByText('stands here twice').waitFor();
  expect(await dialog.getByRole('textbox', { name: 'Legal value 2', exact: true }).getAttribute('aria-invalid')).toBe(
    'true',
  );
  expectRefusals();
});

test('a field that is used shows where, and cannot be deleted', async () => {
  await prepare('POST', '/api/admin/context', { name: 'usedTenant' });
  await prepare('POST', '/api/admin/projects/default/features', { name: 'tenants-see-it', type: 'release' });
  await prepare('POST', '/api/admin/projects/default/features/tenants-see-it/environments/development/strategies', {
    name: 'default',
    constraints: [{ contextName: 'usedTenant', operator: 'IN', values: ['one'] }],
  });
  await prepare('POST', '/api/admin/segments', {
    name: 'first-tenants',
    constraints: [{ contextName: 'usedTenant', operator: 'IN', values: ['one'] }],
  });
  const page = await as('admin');
  await page.goto('/context-fields/usedTenant');
  await page.getByRole('link', { name: 'tenants-see-it' }).waitFor();
  await page.getByRole('link', { name: 'first-tenants' }).waitFor();
  const remove = page.getByRole('button', { name: 'Delete' });
  expect(await remove.getAttribute('aria-disabled')).toBe('true');
  expect(await remove.getAttribute('aria-description')).toContain('It is in use');
});

test('a field that only a segment uses cannot be deleted either, until it no longer does', async () => {
  await prepare('POST', '/api/admin/context', { name: 'segmentsTenant' });
  const constraints = [{ contextName: 'segmentsTenant', operator: 'IN', values: ['one'] }];
  const segment = { name: 'second-tenants', constraints };
  const { id } = await prepare('POST', '/api/admin/segments', segment);
  const page = await as('admin');
  await page.goto('/context-fields/segmentsTenant');
  await page.getByRole('link', { name: 'second-tenants' }).waitFor();
  const remove = page.getByRole('button', { name: 'Delete' });
  expect(await remove.getAttribute('aria-description')).toContain('segments below');
  await prepare('PUT', `/api/admin/segments/${id}`, { ...segment, constraints: [] });
  await page.getByText('In no segment.').waitFor();
  await remove.click();
  await page.getByRole('alertdialog').getByText('Nothing uses it').waitFor();
});

test('a member creates fields for their own project and sees them there', async () => {
  const page = await as('member');
  await page.goto('/context-fields');
  await page.getByRole('button', { name: 'Create context field' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create context field' });
  await dialog.getByRole('textbox', { name: 'Name' }).fill('ownShelf');
  await dialog.getByRole('button', { name: 'Create context field' }).click();
  await page.getByRole('link', { name: 'Member’s own' }).waitFor();

  await page.goto('/context-fields?project=members-own');
  await page.getByRole('row', { name: /ownShelf/ }).waitFor();
  await page.goto('/context-fields/userId');
  const edit = page.getByRole('button', { name: 'Edit' });
  expect(await edit.getAttribute('aria-description')).toContain('UPDATE_CONTEXT_FIELD');
});

test('a viewer is told why not', async () => {
  const page = await as('viewer');
  await page.goto('/context-fields');
  const create = page.getByRole('button', { name: 'Create context field' });
  expect(await create.getAttribute('aria-description')).toContain('CREATE_CONTEXT_FIELD');
});

test('what two people edit is not overwritten unseen', async () => {
  await prepare('POST', '/api/admin/context', { name: 'bothEdit', legalValues: [{ value: 'old' }] });
  const page = await as('admin');
  await page.goto('/context-fields/bothEdit?dialog=edit');
  await page.getByRole('textbox', { name: 'Description' }).fill('mine');
  await prepare('PUT', '/api/admin/context/bothEdit', { description: 'theirs', legalValues: [{ value: 'new' }] });
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  const value = page.getByRole('textbox', { name: 'Legal value 1', exact: true });
  await page.waitForFunction(() => document.querySelector('textarea')?.value === 'theirs');
  expect(await value.inputValue()).toBe('new');
  await page.getByRole('textbox', { name: 'Description' }).fill('both');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('both', { exact: true }).waitFor();
  expect((await prepare('GET', '/api/admin/context/bothEdit')).legalValues).toEqual([{ value: 'new' }]);
});
