import type { ReactElement, ReactNode } from 'react';
import { Tooltip as AriaTooltip, Focusable, TooltipTrigger } from 'react-aria-components';

/** Shows a text for what is hovered or focused. The child is a button, or anything in `Focusable`. */
export function Tooltip({ text, children }: { text: ReactNode; children: ReactElement }) {
  return (
    <TooltipTrigger delay={400} closeDelay={50}>
      {children}
      <AriaTooltip
        offset={6}
        className="z-50 max-w-72 rounded-md border border-line bg-raised px-2 py-1 text-xs text-ink shadow-md"
      >
        {text}
      </AriaTooltip>
    </TooltipTrigger>
  );
}

/** Text with an explanation on hover and focus. */
export function Explained({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <Tooltip text={text}>
      <Focusable>
        <span tabIndex={0} role="note" className="rounded-sm">
          {children}
        </span>
      </Focusable>
    </Tooltip>
  );
}
