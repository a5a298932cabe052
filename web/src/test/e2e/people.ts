import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest';
import { call, password } from './server';

export type Person = 'admin' | 'editor' | 'viewer' | 'member';

export const url = inject('flagstone');
/** Calls the admin API as administrator, to prepare what a test needs. */
export const prepare = (method: string, path: string, body?: unknown) => call(url, method, path, body);

let browser: Browser;
let open: Page[] = [];
let complaints: string[] = [];
const cookies = new Map<Person, string>();

beforeAll(async () => {
  browser = await startChromium();
});

afterEach(async () => {
  for (const page of open) await page.context().close();
  open = [];
  const found = complaints;
  complaints = [];
  expect(found, 'console errors, failed requests and violations of the page’s policy').toEqual([]);
});

afterAll(() => browser?.close());

export async function startChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
  if (!executablePath) throw new Error('Chromium is missing: on Debian, apt-get install chromium.');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export type Window = { width?: number; height?: number; theme?: 'light' | 'dark'; base?: string };

/** A window in which nobody is signed in. */
export async function anyone({ width = 1440, height = 900, theme = 'light', base = url }: Window = {}): Promise<Page> {
  const context = await browser.newContext({
    baseURL: base,
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.stack}`));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? '';
    // A page that is left takes its stream and what it still asks for along.
    if (!why.includes('ERR_ABORTED')) complaints.push(`${request.method()} ${request.url()}: ${why}`);
  });
  open.push(page);
  return page;
}

/** A window of somebody who is signed in. */
export async function as(person: Person, window: Window = {}): Promise<Page> {
  const page = await anyone(window);
  let cookie = cookies.get(person);
  if (cookie === undefined) {
    const login = await fetch(`${url}/auth/simple/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: person, password }),
    });
    if (!login.ok) throw new Error(`${person} cannot sign in: ${login.status} ${await login.text()}`);
    cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    cookies.set(person, cookie);
  }
  const [name = '', value = ''] = cookie.split('=');
  await page.context().addCookies([{ name, value, url }]);
  return page;
}

/** Says that a refusal is expected: Chromium writes every answer of 400 and above to the console. */
export function expectRefusals() {
  complaints = complaints.filter(
    (complaint) => !complaint.includes('Failed to load resource: the server responded with a status of 4'),
  );
}
