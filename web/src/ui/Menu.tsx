import type { ReactElement, ReactNode } from 'react';
import { Menu as AriaMenu, MenuItem, MenuTrigger, Popover, Separator } from 'react-aria-components';
import { cx } from './cx';
import { popoverClass } from './Fields';

export type MenuEntry =
  | 'line'
  | {
      label: string;
      icon?: ReactNode;
      act: () => void;
      danger?: boolean;
      /** Why it cannot be chosen; shown beside it. */
      disabledReason?: string | undefined | false | null;
    };

/** A button that opens a list of actions. */
export function Menu(props: {
  trigger: ReactElement;
  entries: MenuEntry[];
  label: string;
  /** For entries that are asked for only now. */
  onOpen?: () => void;
}) {
  const { trigger, entries, label, onOpen } = props;
  return (
    <MenuTrigger onOpenChange={(open) => open && onOpen?.()}>
      {trigger}
      <Popover placement="bottom end" className={cx(popoverClass, 'min-w-44')}>
        <AriaMenu aria-label={label} className="max-h-96 overflow-auto p-1 outline-none">
          {entries.map((entry, place) =>
            entry === 'line' ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines have nothing but their place
              <Separator key={place} className="my-1 border-t" />
            ) : (
              <MenuItem
                key={entry.label}
                textValue={entry.label}
                isDisabled={Boolean(entry.disabledReason)}
                onAction={entry.act}
                className={cx(
                  'flex cursor-default items-center gap-2 rounded-sm px-2 py-1.5 text-base outline-none data-focused:bg-accent-wash',
                  entry.danger && 'text-bad',
                  entry.disabledReason && 'text-soft',
                )}
              >
                {entry.icon}
                <span>
                  {entry.label}
                  {entry.disabledReason && <span className="block text-xs text-soft">{entry.disabledReason}</span>}
                </span>
              </MenuItem>
            ),
          )}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
