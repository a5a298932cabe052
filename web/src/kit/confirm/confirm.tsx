import { useLocation } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState, useSyncExternalStore } from 'react';
import { errorText } from '../../api/errors';
import { Note } from '../../ui/Bits';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';

/** What is asked before something is done. */
export type Question = {
  title: string;
  /** What will happen, with a difference where there is one. */
  body: ReactNode;
  /** The verb on the button: "Delete segment". */
  verb: string;
  danger?: boolean;
  /** Has to be typed first, for what cannot be undone. */
  typed?: string;
  /** Does it; a failure is shown in the dialog, which stays open. */
  act: () => Promise<unknown>;
};

let asked: Question | null = null;
const listeners = new Set<() => void>();

function set(question: Question | null) {
  asked = question;
  for (const listener of listeners) listener();
}

/** Asks in the one dialog that the whole UI has for it. */
export function confirm(question: Question) {
  set(question);
}

export function Confirmations() {
  const question = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => asked,
  );
  const page = useLocation({ select: ({ pathname }) => pathname });
  // Whoever follows a link in a question to another page has answered it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is about the page alone
  useEffect(() => set(null), [page]);
  return question && <Confirmation key={question.title} question={question} />;
}

function Confirmation({ question }: { question: Question }) {
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string>();

  async function act() {
    setBusy(true);
    setFault(undefined);
    try {
      await question.act();
      set(null);
    } catch (error) {
      setFault(errorText(error));
      setBusy(false);
    }
  }

  return (
    <Dialog
      title={question.title}
      role="alertdialog"
      size={question.typed ? 'small' : 'medium'}
      onClose={() => set(null)}
      actions={
        <>
          <Button onPress={() => set(null)}>Cancel</Button>
          <Button
            kind={question.danger ? 'danger' : 'primary'}
            onPress={act}
            isPending={busy}
            disabledReason={question.typed && typed !== question.typed && `Type ${question.typed} first.`}
          >
            {question.verb}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        {question.body}
        {question.typed && (
          <TextField label={`Type ${question.typed} to go on`} value={typed} onChange={setTyped} autoFocus />
        )}
        {fault && <Note tone="bad">{fault}</Note>}
      </div>
    </Dialog>
  );
}
