import { type ReactElement, type ReactNode, useRef } from 'react';
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
  const chosen = useRef<() => void>(undefined);

  function changed(open: boolean) {
    if (open) return onOpen?.();
    const act = chosen.current;
    chosen.current = undefined;
    // The button gets the focus back in the next frame: a dialog that opens then knows whom to give it back to.
    if (act) requestAnimationFrame(() => requestAnimationFrame(act));
  }

  return (
    <MenuTrigger onOpenChange={changed}>
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
                onAction={() => {
                  chosen.current = entry.act;
                }}
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
