import { GripVertical } from 'lucide-react';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { buttonClass } from '../../ui/Button';
import { cx } from '../../ui/cx';
import { toastError } from '../toast/toasts';
import { moved, sameOrder } from './order';

export type Ordering = {
  /** The order to show: while something is dragged or saved, the one that it will be. */
  shown: string[];
  /** To be put into each row (`tr` or `li`): drags it, and moves it with the arrow keys. */
  grip: (id: string, name: string) => ReactNode;
  /** Moves by some places, for buttons and menus. */
  move: (id: string, name: string, by: number) => void;
  /** To be put somewhere once: tells screen readers what has moved. */
  announcement: ReactNode;
};

/** A list that people put in order, by pointer and by keyboard. `save` resolves once `ids` are in the new order. */
export function useOrder(ids: string[], save: (ids: string[]) => Promise<unknown>, disabled?: string): Ordering {
  const [pending, setPending] = useState<string[]>();
  const [dragged, setDragged] = useState<string>();
  const [said, setSaid] = useState('');
  const turn = useRef(0);
  const focusAgain = useRef<string>(undefined);
  const help = useId();
  const shown = pending ?? ids;

  useEffect(() => {
    // A row that moves in the page loses the focus.
    if (focusAgain.current === undefined) return;
    gripOf(focusAgain.current)?.focus();
    focusAgain.current = undefined;
  });

  async function store(order: string[], id: string, name: string) {
    if (sameOrder(order, shown)) return setPending(undefined);
    const mine = ++turn.current;
    setPending(order);
    setSaid(`${name} is now ${order.indexOf(id) + 1} of ${order.length}.`);
    try {
      await save(order);
    } catch (error) {
      toastError(error);
    }
    // Unless it was changed again meanwhile.
    if (mine === turn.current) setPending(undefined);
  }

  function move(id: string, name: string, by: number) {
    if (!disabled) void store(moved(shown, id, shown.indexOf(id) + by), id, name);
  }

  function drag(id: string, name: string) {
    if (disabled) return;
    let order = shown;
    turn.current++;
    setDragged(id);
    function over(event: PointerEvent) {
      const target = document.elementFromPoint(event.clientX, event.clientY)?.closest('tr, li');
      const under = target?.querySelector<HTMLElement>('[data-grip]')?.dataset.grip;
      if (under === undefined || under === id || !order.includes(under)) return;
      order = moved(order, id, order.indexOf(under));
      setPending(order);
    }
    function drop() {
      window.removeEventListener('pointermove', over);
      window.removeEventListener('pointerup', drop);
      window.removeEventListener('pointercancel', drop);
      setDragged(undefined);
      void store(order, id, name);
    }
    window.addEventListener('pointermove', over);
    window.addEventListener('pointerup', drop);
    window.addEventListener('pointercancel', drop);
  }

  const grip = (id: string, name: string) => (
    <button
      type="button"
      data-grip={id}
      aria-label={`Move ${name}`}
      aria-describedby={help}
      aria-disabled={disabled ? true : undefined}
      title={disabled ?? 'Drag, or use the arrow keys'}
      className={cx(
        buttonClass('quiet', true),
        'touch-none',
        dragged === id ? 'cursor-grabbing bg-accent-wash' : 'cursor-grab',
      )}
      onPointerDown={(event) => {
        event.currentTarget.focus();
        event.preventDefault();
        drag(id, name);
      }}
      onKeyDown={(event) => {
        const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        focusAgain.current = id;
        move(id, name, by);
      }}
    >
      <GripVertical size={16} aria-hidden="true" />
    </button>
  );

  const announcement = (
    <>
      <p id={help} hidden>
        {disabled ?? 'Drag it to another place, or move it with the arrow keys up and down.'}
      </p>
      <p role="status" className="sr-only">
        {said}
      </p>
    </>
  );
  return { shown, grip, move, announcement };
}

function gripOf(id: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-grip="${CSS.escape(id)}"]`);
}
