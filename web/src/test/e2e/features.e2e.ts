import { expect, test } from 'vitest';
import { as, prepare } from './people';

const features = '/api/admin/projects/default/features';
const rollout = (share: string) => ({
  name: 'flexibleRollout',
  parameters: { rollout: share, stickiness: 'default', groupId: 'e2e' },
});

test('a feature is created from the list, and gets a strategy, a constraint and variants', async () => {
  const page = await as('editor');
  await page.goto('/features');
  await page.getByRole('button', { name: 'Create feature' }).first().click();
  await page.getByRole('textbox', { name: 'Name' }).fill('e2e-checkout');
  await page.getByRole('textbox', { name: 'Description' }).fill('A new way to pay');
  await page.getByRole('dialog').getByRole('button', { name: 'Create feature' }).click();
  await page.getByRole('heading', { level: 1, name: 'e2e-checkout' }).waitFor();

  await page.getByRole('button', { name: 'Add strategy in development' }).click();
  await page.getByRole('textbox', { name: 'Rollout in percent' }).fill('25');
  await page.getByRole('button', { name: 'Add constraint' }).click();
  const values = page.getByRole('textbox', { name: 'Constraint 1: values' });
  await values.fill('ada, grace');
  await values.press('Enter');
  await page.getByRole('button', { name: 'Remove ada' }).waitFor();
  await page.getByRole('button', { name: 'Add variant' }).click();
  await page.getByRole('textbox', { name: 'Variant 1: name' }).fill('red');
  await page.getByRole('button', { name: 'Add variant' }).click();
  await page.getByRole('textbox', { name: 'Variant 2: name' }).fill('blue');
  await page.getByRole('dialog').getByRole('button', { name: 'Add strategy' }).click();
  await page.getByRole('article', { name: 'Gradual rollout' }).getByText('25 %').waitFor();

  const stored = await prepare('GET', `${features}/e2e-checkout`);
  const [strategy] = stored.environments.find((one: { name: string }) => one.name === 'development').strategies;
  expect(strategy.parameters.rollout).toBe('25');
  expect(strategy.constraints[0].values).toEqual(['ada', 'grace']);
  const weights = strategy.variants.map(
    (variant: { name: string; weight: number }) => `${variant.name} ${variant.weight}`,
  );
  expect(weights.toSorted()).toEqual(['blue 500', 'red 500']);
});

test('a switch moves at once; in production it is asked first', async () => {
  await prepare('POST', features, { name: 'e2e-switched' });
  const page = await as('editor');
  await page.goto('/projects/default?q=e2e-switched');
  const development = page.getByRole('switch', { name: 'e2e-switched in development' });
  await development.click();
  await expect.poll(() => development.isChecked()).toBe(true);
  const production = page.getByRole('switch', { name: 'e2e-switched in production' });
  await production.click();
  await page.getByRole('alertdialog').getByText('It has no strategy there yet').waitFor();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Turn on' }).click();
  await expect.poll(() => production.isChecked()).toBe(true);
  // The switch has moved before the server has it.
  const on = async () => {
    const { environments } = await prepare('GET', `${features}/e2e-switched`);
    const enabled = environments.filter((one: { enabled: boolean }) => one.enabled);
    return enabled.map((one: { name: string }) => one.name).toSorted();
  };
  await expect.poll(on).toEqual(['development', 'production']);
});

test('a switch in one window is seen in another', async () => {
  await prepare('POST', features, { name: 'e2e-live' });
  const [one, other] = [await as('admin'), await as('viewer')];
  await one.goto('/projects/default/features/e2e-live');
  await other.goto('/features?q=e2e-live');
  const seen = other.getByRole('switch', { name: 'e2e-live in development' });
  await expect.poll(() => seen.isChecked()).toBe(false);
  await one.getByRole('switch', { name: 'e2e-live in development' }).click();
  await expect.poll(() => seen.isChecked()).toBe(true);
});

test('a strategy that two people edit is not overwritten unseen', async () => {
  await prepare('POST', features, { name: 'e2e-shared' });
  const strategies = `${features}/e2e-shared/environments/development/strategies`;
  const { id } = await prepare('POST', strategies, rollout('10'));
  const page = await as('editor');
  await page.goto('/projects/default/features/e2e-shared');
  await page.getByRole('button', { name: 'Edit Gradual rollout' }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill('mine');
  await prepare('PUT', `${strategies}/${id}`, rollout('90'));
  await page.getByText('Somebody else has saved changes since you began').waitFor();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill('both');
  await page.getByRole('button', { name: 'Save strategy' }).click();
  await page.getByRole('article', { name: 'both' }).getByText('90 %').waitFor();
});

test('what changes is shown before it is saved in production', async () => {
  await prepare('POST', features, { name: 'e2e-careful' });
  await prepare('POST', `${features}/e2e-careful/environments/production/strategies`, rollout('5'));
  const page = await as('editor');
  await page.goto('/projects/default/features/e2e-careful');
  await page.getByRole('button', { name: 'Edit Gradual rollout' }).click();
  await page.getByRole('textbox', { name: 'Rollout in percent' }).fill('0');
  await page.getByRole('textbox', { name: 'Rollout in percent' }).blur();
  await page.getByRole('button', { name: 'Save strategy' }).click();
  const question = page.getByRole('alertdialog');
  await question.getByText('nobody gets the feature by it').waitFor();
  await question.getByRole('button', { name: 'Save strategy' }).click();
  await page.getByRole('article', { name: 'Gradual rollout' }).getByText('0 %').waitFor();
});

test('strategies are put in order by keyboard, disabled, copied and deleted', async () => {
  await prepare('POST', features, { name: 'e2e-order' });
  const strategies = `${features}/e2e-order/environments/development/strategies`;
  await prepare('POST', strategies, { ...rollout('10'), title: 'first' });
  await prepare('POST', strategies, { ...rollout('20'), title: 'second' });
  const page = await as('editor');
  await page.goto('/projects/default/features/e2e-order');
  const development = page.getByRole('region', { name: 'development', exact: true });
  await development.getByRole('button', { name: 'Move second' }).press('ArrowUp');
  await expect
    .poll(
      async () =>
        (await prepare('GET', strategies)).toSorted(
          (a: { sortOrder: number }, b: { sortOrder: number }) => a.sortOrder - b.sortOrder,
        )[0].title,
    )
    .toBe('second');

  await development.getByRole('button', { name: 'More for first' }).click();
  await page.getByRole('menuitem', { name: 'Disable' }).click();
  await page.getByRole('button', { name: 'Disable strategy' }).click();
  await development.getByRole('article', { name: 'first' }).getByText('disabled').waitFor();

  await development.getByRole('button', { name: 'More for second' }).click();
  await page.getByRole('menuitem', { name: 'Copy to production' }).click();
  await page.getByRole('button', { name: 'Copy strategy' }).click();
  await page
    .getByRole('region', { name: 'production', exact: true })
    .getByRole('article', { name: 'second' })
    .waitFor();

  await development.getByRole('button', { name: 'More for first' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete strategy' }).click();
  await development.getByRole('article', { name: 'first' }).waitFor({ state: 'detached' });
});

test('features are found by filters, which the address holds', async () => {
  await prepare('POST', features, { name: 'e2e-filter-a', type: 'experiment' });
  await prepare('POST', features, { name: 'e2e-filter-b', type: 'release' });
  const page = await as('viewer');
  await page.goto('/features');
  await page.getByRole('searchbox', { name: 'Search features' }).fill('e2e-filter');
  await page.getByRole('link', { name: 'e2e-filter-b' }).waitFor();
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await page.getByRole('checkbox', { name: 'Experiment' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'e2e-filter-b' }).waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'e2e-filter-a' }).waitFor();
  expect(page.url()).toContain('type=experiment');
});

test('several features are turned on, tagged, marked and archived at once', async () => {
  for (const name of ['e2e-bulk-a', 'e2e-bulk-b']) await prepare('POST', features, { name });
  const page = await as('editor');
  await page.goto('/features?q=e2e-bulk');
  await page.getByRole('link', { name: 'e2e-bulk-b' }).waitFor();
  const all = page.getByRole('checkbox', { name: 'Select all' });
  await all.click();
  await page.getByRole('button', { name: 'Turn on or off' }).click();
  await page.getByRole('menuitem', { name: 'Turn on in development' }).click();
  await page.getByRole('button', { name: 'Turn on', exact: true }).click();
  await expect.poll(() => page.getByRole('switch', { name: 'e2e-bulk-b in development' }).isChecked()).toBe(true);

  await all.click();
  await page.getByRole('button', { name: 'Tag', exact: true }).click();
  await page.getByRole('textbox', { name: 'Tags' }).fill('simple:bulk');
  await page.getByRole('button', { name: 'Add tags' }).click();
  await page.getByText('simple:bulk').first().waitFor();

  await all.click();
  await page.getByRole('button', { name: 'Mark' }).click();
  await page.getByRole('menuitem', { name: 'Mark as stale' }).click();
  await page.getByRole('button', { name: 'Mark as stale' }).click();
  await page.getByRole('row', { name: /e2e-bulk-a.*stale/ }).waitFor();

  await all.click();
  await page.getByRole('button', { name: 'Archive', exact: true }).last().click();
  await page.getByRole('button', { name: 'Archive features' }).click();
  await page.getByText('No feature fits these filters').waitFor();

  await page.goto('/archive?q=e2e-bulk-a');
  await page.getByRole('button', { name: 'Revive e2e-bulk-a' }).click();
  await page.getByRole('button', { name: 'Revive feature' }).click();
  await page.getByText('No feature fits these filters').waitFor();
  await page.goto('/archive?q=e2e-bulk-b');
  await page.getByRole('button', { name: 'Delete e2e-bulk-b' }).click();
  await page.getByRole('textbox').last().fill('e2e-bulk-b');
  await page.getByRole('button', { name: 'Delete feature' }).click();
  await page.getByText('No feature fits these filters').waitFor();
});

test('a viewer reads everything and is told why nothing can be changed', async () => {
  await prepare('POST', features, { name: 'e2e-read' });
  await prepare('POST', `${features}/e2e-read/environments/development/strategies`, rollout('50'));
  const page = await as('viewer');
  await page.goto('/projects/default/features/e2e-read');
  const edit = page.getByRole('button', { name: 'Edit Gradual rollout' });
  await edit.waitFor();
  expect(await edit.getAttribute('aria-description')).toContain('UPDATE_FEATURE_STRATEGY');
  const toggle = page.getByRole('switch', { name: 'e2e-read in development' });
  await toggle.press('Space');
  expect(await toggle.isChecked()).toBe(false);
});

test('a member changes features of the own project alone', async () => {
  const page = await as('member');
  await page.goto('/projects/members-own');
  await page.getByRole('button', { name: 'Create feature' }).first().click();
  await page.getByRole('textbox', { name: 'Name' }).fill('e2e-members');
  await page.getByRole('dialog').getByRole('button', { name: 'Create feature' }).click();
  await page.getByRole('switch', { name: 'e2e-members in development' }).click();
  await expect.poll(() => page.getByRole('switch', { name: 'e2e-members in development' }).isChecked()).toBe(true);
  const other = await as('viewer');
  await other.goto('/features?q=e2e-members');
  await other.getByText('No feature fits these filters').waitFor();
});
