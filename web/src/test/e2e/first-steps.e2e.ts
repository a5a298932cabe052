import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { anyone } from './people';
import { startFlagstone } from './server';

test('from an empty installation to a feature that the Node SDK evaluates, by following the pages alone', async () => {
  const flagstone = await startFlagstone();
  const folder = mkdtempSync(join(tmpdir(), 'flagstone-first-steps-'));
  try {
    // What the server prints at its first start.
    const printed = /with the password (\S+)/.exec(flagstone.output())?.[1] ?? '';
    expect(printed, flagstone.output()).not.toBe('');
    const page = await anyone({ base: flagstone.url });
    let steps = 0;
    const click = async (what: Locator) => {
      steps++;
      await what.click();
    };
    const type = async (what: Locator, text: string) => {
      steps++;
      await what.fill(text);
    };

    await page.goto('/');
    await page.getByText('Nobody has signed in here yet').waitFor();
    await type(page.getByLabel('Password'), printed);
    await click(page.getByRole('button', { name: 'Sign in' }));
    await type(page.getByLabel('New password'), 'Correct horse 7 battery');
    await click(page.getByRole('button', { name: 'Set password' }));
    await click(
      page
        .getByRole('button', { name: 'Create feature' })
        .or(page.getByRole('link', { name: 'Create feature' }))
        .first(),
    );
    await type(page.getByRole('textbox', { name: 'Name' }), 'my-first-feature');
    await click(page.getByRole('dialog').getByRole('button', { name: 'Create feature' }));
    await click(page.getByRole('link', { name: 'Connect an SDK' }).first());
    await click(page.getByRole('button', { name: 'Node.js' }));
    await click(page.getByRole('button', { name: 'Create token' }));
    await click(page.getByRole('switch', { name: 'my-first-feature in development' }));
    await page.getByText('my-first-feature is on in development').waitFor();
    expect(steps).toBeLessThanOrEqual(12);

    const snippet = (await page.getByRole('region', { name: 'snippet' }).textContent()) ?? '';
    const install = (await page.getByRole('region', { name: 'command to install' }).textContent()) ?? '';
    expect(install).toBe('npm install unleash-client');
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    execFileSync('npm', install.split(' ').slice(1), { cwd: folder, stdio: 'pipe' });
    writeFileSync(join(folder, 'app.js'), snippet);
    const app = spawn('node', ['app.js'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    app.stdout.on('data', (bytes) => {
      said += bytes;
    });
    await expect.poll(() => said, { timeout: 20_000 }).toContain('my-first-feature is on');
    await page.getByText('Connected: an application asked for its features').waitFor({ timeout: 20_000 });
    app.kill();
    // Else its stream would see the server go.
    await page.context().close();
  } finally {
    await flagstone.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
