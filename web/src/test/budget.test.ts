import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

type Chunk = { file: string; isEntry?: boolean; isDynamicEntry?: boolean; imports?: string[] };

const dist = new URL('../../dist', import.meta.url).pathname;

/** Compressed, as browsers get it. Small files are sent as they are. */
function bytes(file: string): number {
  const compressed = join(dist, `${file}.br`);
  return readFileSync(existsSync(compressed) ? compressed : join(dist, file)).length;
}

test('what a browser has to load stays small', () => {
  const path = join(dist, '.vite/manifest.json');
  if (!existsSync(path)) throw new Error('The pages are not built: run "make web".');
  const chunks = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Chunk>;
  /** A chunk with all that it imports at once. */
  const closure = (name: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(name)) return seen;
    seen.add(name);
    for (const imported of chunks[name]?.imports ?? []) closure(imported, seen);
    return seen;
  };
  const sum = (names: Iterable<string>) =>
    [...names].reduce((total, name) => total + bytes(chunks[name]?.file ?? ''), 0);

  const entry = Object.keys(chunks).find((name) => chunks[name]?.isEntry) ?? '';
  const initial = closure(entry);
  // The frame of all pages is lazy for the sign-in page's sake alone.
  const shell = [...closure('src/kit/layout/SignedIn.tsx')].filter((name) => chunks[name]);
  const first = new Set([...initial, ...shell]);
  const kilobytes = (count: number) => Math.round(count / 102.4) / 10;
  const pages = Object.entries(chunks)
    .filter(([name, chunk]) => chunk.isDynamicEntry && name !== 'src/kit/code/Editor.tsx')
    .map(([name]) => ({ name, size: kilobytes(sum([...closure(name)].filter((one) => !first.has(one)))) }))
    .toSorted((one, other) => other.size - one.size);
  console.log(
    `initial JavaScript: ${kilobytes(sum(first))} KB; largest pages: ${pages
      .slice(0, 5)
      .map(({ name, size }) => `${name} ${size} KB`)
      .join(', ')}`,
  );
  expect(kilobytes(sum(first)), 'initial JavaScript in KB').toBeLessThanOrEqual(180);
  expect(pages.filter(({ size }) => size > 60)).toEqual([]);
});
