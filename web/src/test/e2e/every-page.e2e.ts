import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { furnish } from './pages';
import { anyone, as, expectRefusals, type Person } from './people';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let addresses: string[] = [];

beforeAll(async () => {
  addresses = await furnish();
});

/** Opens a page and waits until it shows what it has. */
async function open(page: Page, address: string) {
  await page.goto(address);
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await page.waitForFunction(() => !/Loading…/.test(document.body.textContent ?? ''));
}

type Finding = { id: string; help: string; nodes: { html: string; failureSummary: string }[] };

async function findings(page: Page): Promise<string[]> {
  // By the debugger: the page's policy allows no script of others, which is right.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (options: unknown) => Promise<{ violations: Finding[] }> } };
    return (await axe.run({ resultTypes: ['violations'] })).violations;
  });
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary.slice(0, 300)}`),
  );
}

test('axe finds nothing on any page, in both themes, wide and narrow, and none takes more than three requests', async () => {
  const wrong: string[] = [];
  const visit = async (page: Page, address: string) => {
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        for (const finding of await findings(page)) wrong.push(`${address} ${width} ${colorScheme} ${finding}`);
      }
    }
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (overflow > 0) wrong.push(`${address} 390: ${overflow} px wider than the window`);
  };
  const page = await as('admin');
  // What a change refreshes meanwhile is the same request once more.
  const asked = new Set<string>();
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    // The stream of changes is one for all pages.
    if (/^\/(api|auth)\//.test(pathname) && !pathname.endsWith('/live')) asked.add(`${request.method()} ${pathname}`);
  });
  for (const address of addresses) {
    asked.clear();
    await open(page, address);
    await visit(page, address);
    if (asked.size > 3 && !address.includes('dialog=')) wrong.push(`${address} takes ${[...asked].join(', ')}`);
  }
  const stranger = await anyone();
  for (const address of [
    '/sign-in',
    '/forgotten-password',
    '/reset-password?token=nonsense',
    '/new-user?invite=nonsense',
  ]) {
    await open(stranger, address);
    await visit(stranger, address);
  }
  expectRefusals();
  expect(wrong).toEqual([]);
}, 600_000);

test.each<Person>(['editor', 'viewer', 'member'])(
  'every page opens for a %s as well, or says why not',
  async (person) => {
    const page = await as(person);
    for (const address of addresses.filter((address) => !address.includes('dialog='))) await open(page, address);
    // What one may not read is refused, and the page says so.
    expectRefusals();
  },
  300_000,
);
