/** One place at which two values differ. `before` or `after` is missing where something was added or removed. */
export type Difference = { path: string; before?: unknown; after?: unknown };

/** What changes from one value to the other, down to the smallest parts. Texts and numbers of equal spelling are equal. */
export function difference(before: unknown, after: unknown, path = ''): Difference[] {
  if (same(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return ofLists(before, after, path);
  if (isRecord(before) && isRecord(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      difference(before[key], after[key], path ? `${path} › ${key}` : key),
    );
  }
  return [{ path, ...(isNothing(before) ? {} : { before }), ...(isNothing(after) ? {} : { after }) }];
}

function ofLists(before: unknown[], after: unknown[], path: string): Difference[] {
  // Lists of plain values are sets to a reader: what came and what went.
  if ([...before, ...after].every((item) => !isRecord(item) && !Array.isArray(item))) {
    const gone = before.filter((item) => !after.includes(item));
    const come = after.filter((item) => !before.includes(item));
    if (gone.length === 0 && come.length === 0) {
      if (before.length === after.length && before.every((item, place) => same(item, after[place]))) return [];
      return [{ path: `${path} (order)`, before, after }];
    }
    return [{ path, ...(gone.length ? { before: gone } : {}), ...(come.length ? { after: come } : {}) }];
  }
  const length = Math.max(before.length, after.length);
  return Array.from({ length }, (_, place) => place).flatMap((place) =>
    difference(before[place], after[place], `${path} ${nameOf(after[place] ?? before[place], place)}`),
  );
}

function nameOf(item: unknown, place: number): string {
  if (isRecord(item)) {
    const name = item.name ?? item.contextName ?? item.title ?? item.id;
    if (typeof name === 'string' || typeof name === 'number') return `${place + 1} (${name})`;
  }
  return String(place + 1);
}

function same(one: unknown, other: unknown): boolean {
  if (isNothing(one) && isNothing(other)) return true;
  if (isRecord(one) || isRecord(other) || Array.isArray(one) || Array.isArray(other)) return one === other;
  return !isNothing(one) && !isNothing(other) && String(one) === String(other);
}

function isNothing(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === '' ||
    (Array.isArray(value) && value.length === 0) ||
    (isRecord(value) && Object.keys(value).length === 0)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
