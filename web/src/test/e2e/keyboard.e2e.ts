import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { anyone, prepare } from './people';
import { password } from './server';

/** Goes on by Tab until it stands on what is looked for. */
async function tabTo(wanted: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab') {
  const page = wanted.page();
  const isThere = () => wanted.evaluate((element) => element === document.activeElement);
  await wanted.waitFor({ state: 'attached' });
  for (let steps = 0; steps < 120; steps++) {
    if (await isThere()) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${wanted} is not reached by ${key}`);
}

async function press(wanted: Locator, key: 'Enter' | 'Space') {
  await tabTo(wanted);
  await wanted.page().keyboard.press(key);
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

test('a feature is created, gets a strategy with a constraint, and is turned on and off, without a mouse', async () => {
  const page = await anyone();
  await page.goto('/sign-in');
  await tabTo(page.getByRole('textbox', { name: 'User name or e-mail address' }));
  await page.keyboard.type('editor');
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');

  await press(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Features' }), 'Enter');
  await page.getByRole('heading', { level: 1, name: 'Features' }).waitFor();
  await press(button(page, 'Create feature').first(), 'Enter');
  const creating = page.getByRole('dialog', { name: 'Create feature' });
  await expect
    .poll(() => creating.getByRole('textbox', { name: 'Name' }).evaluate((name) => name === document.activeElement))
    .toBe(true);
  await page.keyboard.type('e2e-by-keyboard');
  await press(creating.getByRole('button', { name: /Type/ }), 'Enter');
  await page.getByRole('option', { name: 'Release' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await press(creating.getByRole('button', { name: 'Create feature' }), 'Space');
  await page.getByRole('heading', { level: 1, name: 'e2e-by-keyboard' }).waitFor();

  await press(button(page, 'Add strategy in development'), 'Enter');
  const adding = page.getByRole('dialog', { name: /Add strategy/ });
  await tabTo(adding.getByRole('slider', { name: /Rollout/ }));
  for (let less = 0; less < 5; less++) await page.keyboard.press('ArrowLeft');
  await press(button(page, 'Add constraint'), 'Enter');
  await tabTo(adding.getByRole('textbox', { name: 'Constraint 1: values' }), 'Shift+Tab');
  await page.keyboard.type('ada');
  await page.keyboard.press('Enter');
  await press(adding.getByRole('checkbox', { name: /The opposite/ }), 'Space');
  await press(adding.getByRole('button', { name: 'Add strategy' }), 'Enter');
  const strategy = page.getByRole('article', { name: 'Gradual rollout' });
  await strategy.getByText('95 %').waitFor();

  const development = page.getByRole('switch', { name: 'e2e-by-keyboard in development' });
  await press(development, 'Space');
  await expect.poll(() => development.isChecked()).toBe(true);
  const stored = async () => {
    const { type, environments } = await prepare('GET', '/api/admin/projects/default/features/e2e-by-keyboard');
    const { enabled, strategies } = environments.find((one: { name: string }) => one.name === 'development');
    return { type, enabled, constraints: strategies[0].constraints };
  };
  await expect.poll(async () => (await stored()).enabled).toBe(true);
  expect(await stored()).toMatchObject({ type: 'experiment', constraints: [{ values: ['ada'], inverted: true }] });
  await page.keyboard.press('Space');
  await expect.poll(() => development.isChecked()).toBe(false);

  // In production one is asked first, and the answer is at hand as well.
  const production = page.getByRole('switch', { name: 'e2e-by-keyboard in production' });
  await press(production, 'Space');
  await press(page.getByRole('alertdialog').getByRole('button', { name: 'Turn on' }), 'Enter');
  await expect.poll(() => production.isChecked()).toBe(true);
  await expect.poll(() => production.evaluate((input) => input === document.activeElement)).toBe(true);
});
