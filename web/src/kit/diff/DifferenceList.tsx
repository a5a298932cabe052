import { type Difference, difference } from './difference';

/** A value as a person reads it in one line. */
export function spoken(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'nothing';
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map(spoken).join(', ');
    return value.length > 8 ? `${shown} and ${value.length - 8} more` : shown;
  }
  if (typeof value === 'object') {
    return Object.entries(value)
      .filter(([, part]) => part !== null && part !== '' && !(Array.isArray(part) && part.length === 0))
      .map(([key, part]) => `${key}: ${spoken(part)}`)
      .join('; ');
  }
  return String(value);
}

/** What a change does, line by line: the place, what it was, what it becomes. */
export function DifferenceList({ before, after, empty }: { before: unknown; after: unknown; empty?: string }) {
  return <Differences of={difference(before, after)} {...(empty ? { empty } : {})} />;
}

export function Differences({ of, empty = 'Nothing changes.' }: { of: Difference[]; empty?: string }) {
  if (of.length === 0) return <p className="text-sm text-soft">{empty}</p>;
  return (
    <ul className="divide-y rounded-md border text-sm">
      {of.map((line) => (
        <li key={line.path} className="grid gap-x-3 px-3 py-1.5 sm:grid-cols-[12rem_1fr]">
          <span className="font-medium">{line.path || 'value'}</span>
          <span className="min-w-0">
            {'before' in line && (
              <del className="rounded-sm bg-bad-wash px-1 text-bad">
                <span className="sr-only">was </span>
                {spoken(line.before)}
              </del>
            )}
            {'before' in line && 'after' in line && <span aria-hidden="true"> → </span>}
            {'after' in line && (
              <ins className="rounded-sm bg-good-wash px-1 text-good no-underline">
                <span className="sr-only">becomes </span>
                {spoken(line.after)}
              </ins>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
