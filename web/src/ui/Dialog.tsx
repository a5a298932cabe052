import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { IconButton } from './Button';
import { cx } from './cx';

const widths = { small: 'max-w-md', medium: 'max-w-2xl', large: 'max-w-5xl' };

export type DialogProps = {
  title: string;
  children: ReactNode;
  onClose: () => void;
  /** The row of buttons at the lower edge. */
  actions?: ReactNode;
  size?: keyof typeof widths;
  role?: 'dialog' | 'alertdialog';
};

/** A window above the page. It is open as long as it is rendered. */
export function Dialog({ title, children, onClose, actions, size = 'medium', role = 'dialog' }: DialogProps) {
  return (
    <ModalOverlay
      isOpen
      isDismissable={role === 'dialog'}
      onOpenChange={(open) => !open && onClose()}
      className="fixed inset-0 z-40 flex items-start justify-center overflow-y-auto bg-sunken/70 p-3 backdrop-blur-[2px] sm:p-8"
    >
      <Modal
        className={cx(
          'w-full animate-appear rounded-lg border border-line bg-raised shadow-xl',
          'flex max-h-[calc(100dvh-1.5rem)] flex-col sm:max-h-[calc(100dvh-4rem)]',
          widths[size],
        )}
      >
        <AriaDialog role={role} className="flex min-h-0 flex-1 flex-col outline-none">
          <div className="flex items-center justify-between gap-3 border-b px-4 py-2.5">
            <Heading slot="title" className="text-lg font-semibold">
              {title}
            </Heading>
            <IconButton label="Close" icon={<X size={16} />} onPress={onClose} />
          </div>
          <div className="min-h-0 flex-1 overflow-y-auto px-4 py-4" tabIndex={0} role="group" aria-label={title}>
            {children}
          </div>
          {actions && <div className="flex flex-wrap justify-end gap-2 border-t px-4 py-3">{actions}</div>}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
