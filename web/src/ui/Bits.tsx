import { AlertTriangle, Info } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from './cx';

export type Tone = 'neutral' | 'accent' | 'good' | 'warn' | 'bad' | 'violet';

const tones: Record<Tone, string> = {
  neutral: 'bg-sunken text-ink border-line',
  accent: 'bg-accent-wash text-accent border-transparent',
  good: 'bg-good-wash text-good border-transparent',
  warn: 'bg-warn-wash text-warn border-transparent',
  bad: 'bg-bad-wash text-bad border-transparent',
  violet: 'bg-violet-wash text-violet border-transparent',
};

/** A word in a small box. */
export function Badge({ tone = 'neutral', children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span
      className={cx(
        'inline-flex items-center gap-1 rounded-sm border px-1.5 text-xs font-medium whitespace-nowrap',
        tones[tone],
      )}
    >
      {children}
    </span>
  );
}

/** A remark beside what it is about. Faults are read out as soon as they appear. */
export function Note({
  tone = 'accent',
  children,
}: {
  tone?: 'accent' | 'warn' | 'bad' | 'good';
  children: ReactNode;
}) {
  const Icon = tone === 'accent' || tone === 'good' ? Info : AlertTriangle;
  return (
    <div
      role={tone === 'bad' ? 'alert' : 'note'}
      className={cx('flex items-start gap-2 rounded-md border px-3 py-2 text-sm', tones[tone])}
    >
      <Icon size={16} aria-hidden="true" className="mt-0.5 shrink-0" />
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  );
}

/** A part of a page with a heading. */
export function Card({
  title,
  actions,
  children,
  className,
  level = 2,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  level?: 2 | 3;
}) {
  const Heading = level === 2 ? 'h2' : 'h3';
  return (
    <section className={cx('rounded-lg border bg-surface', className)}>
      {(title || actions) && (
        <div className="flex flex-wrap items-center justify-between gap-2 border-b px-4 py-2.5">
          {title && <Heading className="font-semibold">{title}</Heading>}
          {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
      )}
      <div className="px-4 py-3">{children}</div>
    </section>
  );
}

/** Pairs of a name and a value. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="grid grid-cols-[max-content_1fr] gap-x-4 gap-y-1.5 text-base">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

/** Says that something is on its way, once it takes longer than 200 ms. */
export function Waiting({ what = 'Loading' }: { what?: string }) {
  return (
    <div role="status" className="animate-late px-4 py-8 text-center text-soft">
      {what}…
    </div>
  );
}

/** A share of a whole as a bar; the number stands beside it. */
export function Bar({ percent, tone = 'accent' }: { percent: number; tone?: 'accent' | 'good' | 'warn' | 'bad' }) {
  const fill = { accent: 'bg-accent', good: 'bg-good', warn: 'bg-warn', bad: 'bg-bad' }[tone];
  return (
    <span aria-hidden="true" className="inline-block h-1.5 w-16 overflow-hidden rounded-full bg-sunken align-middle">
      <span className={cx('block h-full', fill)} style={{ width: `${Math.max(0, Math.min(100, percent))}%` }} />
    </span>
  );
}
