// How fast the web UI is, in Chromium on this machine: node scripts/measure.mjs [URL] [NAME] [PASSWORD]
// Wants a Flagstone with many features (see bench/README.md); prints medians. Nothing is throttled.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [url = 'http://localhost:4242', username = 'admin', password = ''] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const rounds = 15;
const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
const share95 = (times) => times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1];
const say = (what, times) =>
  console.log(`${what}: median ${Math.round(median(times))} ms, p95 ${Math.round(share95(times))} ms`);

async function window(signedIn) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  if (signedIn) {
    const answer = await context.request.post(`${url}/auth/simple/login`, { data: { username, password } });
    if (!answer.ok()) throw new Error(await answer.text());
  }
  return { context, page: await context.newPage() };
}

/** Milliseconds from a click on a link of the navigation until something is drawn. */
const goTo = (page, name, selector, text) =>
  page.evaluate(
    ([name, selector, text]) =>
      new Promise((resolve) => {
        const link = [...document.querySelectorAll('nav[aria-label=Main] a')].find((one) => one.textContent === name);
        const begun = performance.now();
        link.click();
        const look = () => {
          const found = document.querySelector(selector);
          if (found && (text === undefined || found.textContent === text)) resolve(performance.now() - begun);
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      }),
    [name, selector, text],
  );

// The sign-in page, from nothing: a context of its own has an empty cache.
const cold = [];
for (let round = 0; round < rounds; round++) {
  const { context, page } = await window(false);
  // Noted in the page itself, at the frame in which the form can be typed into.
  await page.addInitScript(() => {
    const look = () => {
      if (document.querySelector('input[type=password]')) window.ready = performance.now();
      else requestAnimationFrame(look);
    };
    look();
  });
  await page.goto(`${url}/sign-in`);
  cold.push(await page.waitForFunction(() => window.ready).then((handle) => handle.jsonValue()));
  await context.close();
}
say('sign-in page to interactive, cold cache', cold);

// The features table until its first rows are drawn, from a click on its link.
const { context, page } = await window(true);
await page.goto(`${url}/`);
await page.waitForSelector('h1');
const rows = [];
const changes = [];
const targets = ['Segments', 'Context fields', 'Environments', 'API tokens', 'Users', 'Projects'];
for (let round = 0; round < rounds; round++) {
  for (const name of targets) changes.push(await goTo(page, name, 'main h1', name));
  rows.push(await goTo(page, 'Features', 'main tbody input[role=switch]'));
}
say('a page change', changes);
say('features table: first rows', rows);

// Scrolling through the table: how long frames take.
const frames = await page.evaluate(
  () =>
    new Promise((resolve) => {
      const scroller = document.querySelector('main table').parentElement;
      const times = [];
      let last = performance.now();
      const step = (now) => {
        times.push(now - last);
        last = now;
        scroller.scrollTop += 400;
        if (times.length < 300) requestAnimationFrame(step);
        else resolve(times.slice(1));
      };
      requestAnimationFrame(step);
    }),
);
say('scrolling 400 px a frame: frames', frames);
console.log(`frames over 50 ms: ${frames.filter((time) => time > 50).length} of ${frames.length}`);

// A switch in one window, seen in another of somebody else's browser.
const other = await window(true);
await page.goto(`${url}/features?sort=name`);
await other.page.goto(`${url}/features?sort=name`);
const selector = 'main tbody tr td input[role=switch]';
for (const one of [page, other.page]) await one.waitForSelector(selector);
const seen = [];
for (let round = 0; round < 40; round++) {
  const before = await other.page.$eval(selector, (input) => input.checked);
  const arrived = other.page.evaluate(
    ([selector, before]) =>
      new Promise((resolve) => {
        const look = () =>
          document.querySelector(selector).checked !== before ? resolve(Date.now()) : setTimeout(look, 2);
        look();
      }),
    [selector, before],
  );
  const clicked = await page.$eval(selector, (input) => {
    input.click();
    return Date.now();
  });
  seen.push((await arrived) - clicked);
  await page.waitForTimeout(50);
}
say('a switch seen in another window', seen);
await context.close();
await browser.close();
