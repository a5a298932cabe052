import { type ReactNode, useState } from 'react';
import type { FieldValues, Path, UseFormReturn } from 'react-hook-form';
import { ApiError, errorText } from '../../api/errors';
import { Note } from '../../ui/Bits';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';

/** Sends a form; what the server finds wrong goes to the fields that it names, and the rest is returned. */
export async function send<T extends FieldValues>(
  form: UseFormReturn<T>,
  act: (values: T) => Promise<unknown>,
): Promise<{ sent: boolean; fault?: string }> {
  let outcome: { sent: boolean; fault?: string } = { sent: false };
  await form.handleSubmit(async (values) => {
    try {
      await act(values);
      outcome = { sent: true };
    } catch (error) {
      const fields = error instanceof ApiError ? error.fieldMessages() : {};
      const known = Object.entries(fields).filter(([field]) => form.control._names.mount.has(field as Path<T>));
      for (const [field, message] of known) form.setError(field as Path<T>, { message }, { shouldFocus: true });
      if (known.length === 0 || known.length < Object.keys(fields).length)
        outcome = { sent: false, fault: errorText(error) };
    }
  })();
  return outcome;
}

export type FormDialogProps<T extends FieldValues> = {
  title: string;
  form: UseFormReturn<T>;
  /** The verb on the button: "Create feature". */
  verb: string;
  act: (values: T) => Promise<unknown>;
  onClose: () => void;
  /** Instead of closing once the server has taken it, as where a secret is shown then. */
  onSent?: () => void;
  children: ReactNode;
  size?: 'small' | 'medium' | 'large';
  /** Why it cannot be sent at all. */
  disabledReason?: string | undefined | false | null;
};

/** A form in a dialog: it closes once the server has taken it, unless `onSent` does something else. */
export function FormDialog<T extends FieldValues>(props: FormDialogProps<T>) {
  const { title, form, verb, act, onClose, onSent, children, size, disabledReason } = props;
  const [fault, setFault] = useState<string>();

  async function submit() {
    setFault(undefined);
    const { sent, fault } = await send(form, act);
    if (sent) (onSent ?? onClose)();
    else setFault(fault);
  }

  return (
    <Dialog
      title={title}
      onClose={onClose}
      size={size ?? 'small'}
      actions={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button
            kind="primary"
            type="submit"
            form="dialog-form"
            isPending={form.formState.isSubmitting}
            disabledReason={disabledReason}
          >
            {verb}
          </Button>
        </>
      }
    >
      <form
        id="dialog-form"
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!disabledReason) void submit();
        }}
      >
        {children}
        {fault && <Note tone="bad">{fault}</Note>}
      </form>
    </Dialog>
  );
}
