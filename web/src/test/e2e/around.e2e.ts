import { expect, test } from 'vitest';
import { anyone, as, expectRefusals, prepare } from './people';
import { adminToken, password, startFlagstone } from './server';

test('whoever follows a link signs in first and then sees what it leads to', async () => {
  const page = await anyone();
  await page.goto('/segments?q=nothing');
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  await page.getByRole('textbox', { name: 'User name or e-mail address' }).fill('viewer');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  expectRefusals();
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Segments' }).waitFor();
  expect(page.url()).toContain('/segments?q=nothing');

  await page.getByRole('button', { name: /^Your account/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  await page.goto('/segments');
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
});

test('the palette goes to a feature, a project and a page by keyboard alone', async () => {
  await prepare('POST', '/api/admin/projects/default/features', { name: 'e2e-palette' });
  const page = await as('viewer');
  await page.goto('/');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('searchbox', { name: 'Go to or do anything' }).fill('e2e-palette');
  await page.getByRole('option', { name: /^e2e-palette/ }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'e2e-palette' }).waitFor();

  await page.keyboard.press('/');
  await page.getByRole('searchbox', { name: 'Go to or do anything' }).fill('context fields');
  await page.getByRole('option', { name: /^Context fields/ }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Context fields' }).waitFor();
});

test('a chosen theme stays', async () => {
  const page = await as('viewer');
  await page.goto('/profile');
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background();
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('menuitem', { name: 'Dark' }).click();
  await expect.poll(background).not.toBe(light);
  await page.reload();
  await page.getByRole('heading', { level: 1 }).waitFor();
  expect(await background()).not.toBe(light);
  await page.getByRole('button', { name: /^Theme/ }).click();
  await page.getByRole('menuitem', { name: 'Light' }).click();
  await expect.poll(background).toBe(light);
});

test('everything works below a path', async () => {
  const environment = {
    INIT_ADMIN_API_TOKENS: adminToken,
    UNLEASH_DEFAULT_ADMIN_USERNAME: 'admin',
    UNLEASH_DEFAULT_ADMIN_PASSWORD: password,
    BASE_URI_PATH: '/flags',
  };
  const flagstone = await startFlagstone(environment);
  try {
    const page = await anyone({ base: flagstone.url });
    await page.goto(`${flagstone.url}/projects/default`);
    await page.getByRole('textbox', { name: 'User name or e-mail address' }).fill('admin');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Default' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/flags/projects/default');
    await page.getByRole('link', { name: 'Segments' }).click();
    await page.getByRole('heading', { level: 1, name: 'Segments' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Segments' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/flags/segments');
    // Else its stream would see the server go.
    await page.context().close();
  } finally {
    await flagstone.stop();
  }
});

test('on a narrow screen the tab where one is, is in sight', async () => {
  const page = await as('viewer', { width: 390, height: 844 });
  for (const [address, name] of [
    ['/projects/default/settings', 'Settings'],
    ['/import-export', 'Export'],
  ] as const) {
    await page.goto(address);
    const tab = page.getByRole('navigation', { name: /^Parts of/ }).getByRole('link', { name });
    await expect.poll(() => tab.getAttribute('aria-current')).toBe('page');
    await expect
      .poll(async () => {
        const box = await tab.boundingBox();
        return box !== null && box.x >= 0 && box.x + box.width <= 390;
      })
      .toBe(true);
  }
});
