import { Check, Minus } from 'lucide-react';
import { cx } from '../../ui/cx';

export type Permission = {
  name: string;
  words: string;
  held: boolean;
  /** The environments that it is limited to. */
  where?: string;
};

/** Permissions by name, each with whether one has it. */
export function PermissionList({ label, permissions }: { label: string; permissions: Permission[] }) {
  return (
    <ul aria-label={label} className="grid gap-x-6 gap-y-1 sm:grid-cols-2 xl:grid-cols-3">
      {permissions.map(({ name, words, held, where }) => (
        <li key={name} title={name} className={cx('flex items-start gap-2', held ? '' : 'text-soft')}>
          {held ? (
            <Check size={15} aria-hidden="true" className="mt-0.5 shrink-0 text-good" />
          ) : (
            <Minus size={15} aria-hidden="true" className="mt-0.5 shrink-0" />
          )}
          <span>
            {words}
            <span className="sr-only">: {held ? 'yes' : 'no'}</span>
            {where && <span className="block text-xs text-soft">{where}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}
