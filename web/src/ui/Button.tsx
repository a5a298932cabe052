import type { ReactNode } from 'react';
import {
  Button as AriaButton,
  type ButtonProps as AriaButtonProps,
  Focusable,
  ProgressBar,
} from 'react-aria-components';
import { cx } from './cx';
import { Tooltip } from './Tooltip';

export type ButtonKind = 'primary' | 'plain' | 'quiet' | 'danger';

const look: Record<ButtonKind, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong border-transparent',
  plain: 'bg-surface text-ink hover:bg-sunken border-line-strong',
  quiet: 'bg-transparent text-ink hover:bg-sunken border-transparent',
  danger: 'bg-solid-bad text-on-accent hover:opacity-90 border-transparent',
};

/** How every button and every link that looks like one is drawn. */
export function buttonClass(kind: ButtonKind = 'plain', iconOnly = false): string {
  return cx(
    'inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none',
    'h-8 text-sm transition-colors',
    iconOnly ? 'w-8 shrink-0 px-0' : 'px-3',
    'aria-disabled:opacity-55 disabled:opacity-55 aria-disabled:cursor-not-allowed disabled:cursor-not-allowed',
    look[kind],
  );
}

export type ButtonProps = Omit<AriaButtonProps, 'className' | 'style' | 'children' | 'isDisabled'> & {
  kind?: ButtonKind;
  icon?: ReactNode;
  children?: ReactNode;
  /** Why it cannot be used just now. A button with a reason stays reachable, so that the reason can be read. */
  disabledReason?: string | undefined | false | null;
  className?: string;
};

export function Button({ kind, icon, children, disabledReason, onPress, type, className, ...rest }: ButtonProps) {
  const classes = cx(buttonClass(kind, children === undefined), className);
  if (disabledReason) {
    // A really disabled button is skipped by the keyboard and cannot tell why.
    return (
      <Tooltip text={disabledReason}>
        <Focusable>
          <button
            type="button"
            aria-disabled="true"
            aria-label={rest['aria-label']}
            aria-description={disabledReason}
            className={classes}
            onClick={(event) => event.preventDefault()}
          >
            {icon}
            {children}
          </button>
        </Focusable>
      </Tooltip>
    );
  }
  return (
    <AriaButton {...rest} type={type ?? 'button'} {...(onPress ? { onPress } : {})} className={classes}>
      {icon}
      {children}
      {/* Is read out while one waits. */}
      {rest.isPending && <ProgressBar aria-label="Working" isIndeterminate className="sr-only" />}
    </AriaButton>
  );
}

/** A button that shows an icon alone; its name is read and shown on hover. */
export function IconButton({ label, icon, ...rest }: Omit<ButtonProps, 'children'> & { label: string }) {
  const button = <Button kind="quiet" {...rest} icon={icon} aria-label={label} />;
  return rest.disabledReason ? button : <Tooltip text={label}>{button}</Tooltip>;
}
