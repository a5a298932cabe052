import { cx } from '../ui/cx';

const colours: Record<string, string> = {
  production: 'border-bad bg-bad-wash text-bad',
  preproduction: 'border-transparent bg-warn-wash text-warn',
  test: 'border-transparent bg-violet-wash text-violet',
  development: 'border-transparent bg-good-wash text-good',
};

/** An environment in its type's colour, with its name; production has a border of its own as well. */
export function EnvironmentName({ name, type }: { name: string; type: string }) {
  return (
    <span
      className={cx(
        'inline-flex items-center gap-1 rounded-sm border px-1.5 text-xs font-semibold whitespace-nowrap',
        colours[type] ?? 'border-line bg-sunken text-ink',
      )}
    >
      {name}
      {type === 'production' && name !== 'production' && <span className="font-normal">(production)</span>}
    </span>
  );
}
