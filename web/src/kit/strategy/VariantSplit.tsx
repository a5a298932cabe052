import type { Variant } from './strategy';

const fills = ['bg-accent', 'bg-good', 'bg-violet', 'bg-warn', 'bg-bad', 'bg-line-strong'];

/** The shares of variants as one bar, with names and numbers below it. */
export function VariantSplit({ variants }: { variants: Variant[] }) {
  return (
    <div>
      <div aria-hidden="true" className="flex h-2 gap-px overflow-hidden rounded-full">
        {variants.map(({ name, weight = 0 }, place) => (
          <span
            key={`${name}-${weight}`}
            className={fills[place % fills.length]}
            style={{ width: `${weight / 10}%` }}
          />
        ))}
      </div>
      <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5 text-sm">
        {variants.map(({ name, weight = 0 }, place) => (
          <li key={`${name}-${weight}`} className="inline-flex items-center gap-1.5">
            <span aria-hidden="true" className={`size-2 rounded-full ${fills[place % fills.length]}`} />
            {name || 'unnamed'} <span className="text-soft">{weight / 10} %</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
