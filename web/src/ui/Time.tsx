import { Explained } from './Tooltip';

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** `3 hours ago`, `in 2 days`. */
export function ago(when: Date, now = new Date()): string {
  const seconds = (when.getTime() - now.getTime()) / 1000;
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 10 ? 'just now' : relative.format(Math.trunc(seconds), 'second');
}

export function exactTime(when: Date): string {
  return exact.format(when);
}

/** How long ago; the exact time on hover. */
export function Time({ at, none = 'never' }: { at: string | null | undefined; none?: string }) {
  if (!at) return <span className="text-soft">{none}</span>;
  const when = new Date(at);
  return (
    <Explained text={exact.format(when)}>
      <time dateTime={at} className="whitespace-nowrap">
        {ago(when)}
      </time>
    </Explained>
  );
}
