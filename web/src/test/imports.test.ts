import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = new URL('..', import.meta.url).pathname;
const shared = ['api', 'ui', 'kit'];

/** Imports flow ui → kit → noun → routes. Of another noun, only what it asks the server and what it allows. */
function allowed(file: string, imported: string): boolean {
  const [room = ''] = file.split('/');
  const [other = '', ...rest] = imported.split('/');
  if (!file.includes('/') || room === 'test') return true;
  if (room === other || other === 'api' || imported === 'paths') return true;
  if (room === 'ui') return false;
  if (room === 'api') return false;
  if (room === 'kit') return other === 'ui';
  return shared.includes(other) || ['queries', 'can'].includes(rest.join('/'));
}

test('no room of the UI uses one that is above it', () => {
  const wrong: string[] = [];
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file)) continue;
    for (const [, from] of readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
      const imported = normalize(join(dirname(file), from ?? ''));
      if (!allowed(file, imported)) wrong.push(`${file} imports ${imported}`);
    }
  }
  expect(wrong).toEqual([]);
});
