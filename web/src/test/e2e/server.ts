import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preview as servePages } from 'vite';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    flagstone: string;
  }
}

export const adminToken = '*:*.e2e-admin-token-of-the-tests';
export const password = 'A fine long passw0rd of the tests';

/** Starts the real binary with a database of its own, and says where it is. */
export async function startFlagstone(extra: Record<string, string> = {}) {
  const binary = process.env.FLAGSTONE_BIN ?? new URL('../../../../target/debug/flagstone', import.meta.url).pathname;
  if (!existsSync(binary))
    throw new Error(`${binary} is missing: run "make web" and "cargo build -p flagstone-server".`);
  const folder = mkdtempSync(join(tmpdir(), 'flagstone-e2e-'));
  const port = await freePort();
  const child = spawn(binary, ['serve'], {
    env: {
      PATH: process.env.PATH ?? '',
      DATABASE_URL: `sqlite://${folder}/flagstone.db`,
      HTTP_PORT: String(port),
      HTTP_HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
      // Every file of tests signs its people in, from one address.
      SIMPLE_LOGIN_LIMIT_PER_MINUTE: '1000',
      CREATE_USER_RATE_LIMIT_PER_MINUTE: '1000',
      ...extra,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (bytes) => (output += bytes));
  child.stderr.on('data', (bytes) => (output += bytes));
  const url = `http://127.0.0.1:${port}${extra.BASE_URI_PATH ?? ''}`;
  await ready(url, child, () => output);
  return {
    url,
    output: () => output,
    stop: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(killer);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ready(url: string, child: ChildProcess, output: () => string) {
  const until = Date.now() + 30_000;
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Error(`Flagstone ended by itself:\n${output()}`);
    const answer = await fetch(`${url}/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Flagstone is not ready after 30 s:\n${output()}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Calls the admin API with the administrator's token. */
export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) {
  const answer = await fetch(url + path, {
    method,
    headers: {
      Authorization: adminToken,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** People with each of the built-in roles, and somebody who owns one private project and may only read elsewhere. */
async function seed(url: string) {
  const roles = (await call(url, 'GET', '/api/admin/user-admin')).rootRoles as { id: number; name: string }[];
  const roleId = (name: string) => roles.find((role) => role.name === name)?.id;
  for (const [username, role] of [
    ['editor', 'Editor'],
    ['viewer', 'Viewer'],
    ['member', 'Editor'],
  ]) {
    await call(url, 'POST', '/api/admin/user-admin', {
      username,
      name: `${username?.[0]?.toUpperCase()}${username?.slice(1)} of the tests`,
      email: `${username}@example.com`,
      password,
      rootRole: roleId(role ?? ''),
      sendEmail: false,
    });
  }
  // Whoever creates a project owns it, also once the role that let them create it is gone.
  const login = await fetch(`${url}/auth/simple/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'member', password }),
  });
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  const created = await fetch(`${url}/api/admin/projects`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', cookie },
    body: JSON.stringify({ id: 'members-own', name: 'Member’s own', mode: 'private' }),
  });
  if (!created.ok) throw new Error(`members-own: ${created.status} ${await created.text()}`);
  const member = (await call(url, 'GET', '/api/admin/user-admin')).users.find(
    (user: { username: string }) => user.username === 'member',
  );
  await call(url, 'PUT', `/api/admin/user-admin/${member.id}`, { rootRole: roleId('Viewer') });
}

export default async function setup(project: TestProject) {
  const flagstone = await startFlagstone({
    INIT_ADMIN_API_TOKENS: adminToken,
    UNLEASH_DEFAULT_ADMIN_USERNAME: 'admin',
    UNLEASH_DEFAULT_ADMIN_PASSWORD: password,
    // Tests of integrations listen there.
    UNLEASH_ALLOW_LIST_INTEGRATION: '127.0.0.1',
  });
  await seed(flagstone.url);
  const outDir = process.env.FLAGSTONE_PAGES;
  if (!outDir) {
    project.provide('flagstone', flagstone.url);
    return flagstone.stop;
  }
  // While one writes pages: those in this folder (`dist`), without building the binary anew. Their policy is not in force then.
  process.env.FLAGSTONE_URL = flagstone.url;
  const preview = { port: await freePort(), strictPort: true, host: '127.0.0.1' };
  const pages = await servePages({ build: { outDir }, preview });
  project.provide('flagstone', pages.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? '');
  return async () => {
    await pages.close();
    await flagstone.stop();
  };
}
