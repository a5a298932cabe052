import { execFileSync } from 'node:child_process';
import { test } from 'vitest';

test('the types are those of the published document (else: make golden)', () => {
  const web = new URL('../..', import.meta.url).pathname;
  execFileSync('npm', ['run', 'schema', '--', '--check'], { cwd: web, stdio: 'pipe' });
}, 30_000);
