import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { furnish } from './pages';
import { as } from './people';

let addresses: string[] = [];

beforeAll(async () => {
  addresses = await furnish('clicked');
});

/** What does something at once, or unfolds a part of the page, instead of opening something above it. */
const atOnce = [
  /^(Save|Move|Copy|Remove|Mark as|Revive|Export|Details of|Skip to)\b/,
  /^(Close|Dismiss|Cancel|Archive|Previous|Next|Create token|Send a test|Edit as text|Add strategy|Create segment)$/,
  /^Add (constraint|variant|legal value|parameter|tag|dependency|link)$/,
  / (to|from) favourites$/,
];
/** Entries of menus that act at once or go elsewhere. */
const entriesAtOnce = /^(Sign out|Profile|As the device|Light|Dark|Reactivate|Open|Close|Move)/;

type Found = { place: number; name: string; key: string };

/** The buttons that should open something: of those that stand in every row, those of one row. */
async function openers(page: Page, shell: boolean): Promise<Found[]> {
  const buttons = await page.getByRole('button').evaluateAll((all) =>
    all.map((button, place) => ({
      place,
      name: (button.ariaLabel ?? button.textContent ?? '').trim(),
      inHeader: button.closest('body header:has(> a)') !== null,
      inRow: button.closest('td, article, li') !== null,
      popup: button.ariaHasPopup !== null,
      skipped:
        button.ariaDisabled === 'true' ||
        button.closest('[inert]') !== null ||
        button.matches(':disabled, [type=submit], [aria-pressed], th *, [tabindex="-1"]') ||
        button.matches('[role=listbox] *, [role=grid] *'),
    })),
  );
  const found = new Map<string, Found>();
  for (const { place, name, inHeader, inRow, popup, skipped } of buttons) {
    if (skipped || (inHeader && !shell) || (!popup && atOnce.some((pattern) => pattern.test(name)))) continue;
    const key = inRow ? `row: ${name.split(' ')[0]}` : `${place}`;
    if (!found.has(key)) found.set(key, { place, name, key });
  }
  return [...found.values()];
}

/** Whatever can stand above the page. */
function above(page: Page): Locator {
  return page
    .getByRole('dialog')
    .or(page.getByRole('alertdialog'))
    .or(page.getByRole('menu'))
    .or(page.getByRole('listbox').filter({ visible: true }));
}

/** Opens an address, and says how many things stand above the page at once. */
async function open(page: Page, address: string): Promise<number> {
  await page.goto(address);
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  if (address.includes('dialog=')) await page.getByRole('dialog').waitFor();
  await page.waitForFunction(() => !/Loading…/.test(document.body.textContent ?? ''));
  return above(page).count();
}

/** Everything on one address that opens is opened and closed again. */
async function openAll(page: Page, address: string, shell: boolean): Promise<string[]> {
  const wrong: string[] = [];
  const standing = await open(page, address);
  const title = await page.locator('h1').textContent();

  /** Opens something by `press`, closes it by Escape, and looks whether all is as before. */
  async function check(what: string, opener: Locator, press: () => Promise<void>): Promise<string[]> {
    try {
      await press();
      await above(page).nth(standing).waitFor({ timeout: 3000 });
      await page.waitForFunction(
        (roles) => document.activeElement?.closest(roles),
        standing === 0
          ? '[role=dialog], [role=alertdialog], [role=menu], [role=listbox]'
          : '[role=menu], [role=listbox]',
        { timeout: 3000 },
      );
      const entries = await page
        .getByRole('menuitem')
        .evaluateAll((items) =>
          items.filter((item) => item.ariaDisabled !== 'true').map((item) => item.textContent ?? ''),
        );
      // A hint that has not gone yet would take the key.
      await page.getByRole('tooltip').first().waitFor({ state: 'detached', timeout: 3000 });
      await page.keyboard.press('Escape');
      await expect.poll(() => above(page).count(), { timeout: 3000 }).toBe(standing);
      expect(await page.locator('h1').textContent()).toBe(title);
      await expect
        .poll(() =>
          opener.evaluate(
            (button) => button === document.activeElement || document.activeElement?.outerHTML.slice(0, 200),
          ),
        )
        .toBe(true);
      return entries.filter((entry) => !entriesAtOnce.test(entry));
    } catch (error) {
      wrong.push(`${address}: ${what}: ${error instanceof Error ? error.message : error}`);
      await open(page, address);
      return [];
    }
  }

  for (const { place, name } of await openers(page, shell)) {
    const opener = page.getByRole('button').nth(place);
    const press = () => opener.click({ timeout: 3000 });
    for (const entry of await check(name, opener, press))
      await check(`${name}, ${entry}`, opener, async () => {
        await press();
        await page.getByRole('menuitem', { name: entry, exact: true }).click();
        await page.getByRole('menu').waitFor({ state: 'detached' });
      });
  }
  return wrong;
}

test('everything that opens closes with Escape, and gives the focus back to what opened it', async () => {
  const waiting = addresses.map((address, place) => ({ address, shell: place === 0 }));
  const wrong: string[] = [];
  async function work() {
    const page = await as('admin');
    for (let next = waiting.shift(); next; next = waiting.shift())
      wrong.push(...(await openAll(page, next.address, next.shell)));
  }
  await Promise.all([work(), work()]);
  expect(wrong).toEqual([]);
}, 240_000);
