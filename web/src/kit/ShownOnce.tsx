import type { ReactNode } from 'react';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { CopyBox } from './Copy';

export type Shown = {
  title: string;
  /** The secret or the link. */
  text: string;
  /** What it is, for the button that copies it. */
  what: string;
  /** What it is for, what to do with it. */
  children?: ReactNode;
};

/** A secret that the server tells this once. It is closed by its button alone, so that it is not lost by a slip. */
export function ShownOnce({ title, text, what, children, onClose }: Shown & { onClose: () => void }) {
  return (
    <Dialog
      title={title}
      role="alertdialog"
      onClose={onClose}
      actions={
        <Button kind="primary" onPress={onClose}>
          Done
        </Button>
      }
    >
      <div className="flex flex-col gap-3">
        <Note tone="warn">Copy it now: it is shown this once and cannot be looked up later.</Note>
        <CopyBox text={text} what={what} />
        {children}
      </div>
    </Dialog>
  );
}
