import { Check, Copy as CopyIcon } from 'lucide-react';
import { useState } from 'react';
import { IconButton } from '../ui/Button';
import { toastError } from './toast/toasts';

/** Copies a text to the clipboard. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState(false);
  return (
    <IconButton
      label={done ? 'Copied' : `Copy ${what}`}
      icon={done ? <Check size={14} /> : <CopyIcon size={14} />}
      onPress={() =>
        navigator.clipboard.writeText(text).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 2000);
        }, toastError)
      }
    />
  );
}

/** A text in a box with a button to copy it: a secret that is shown once, a snippet. */
export function CopyBox({ text, what }: { text: string; what: string }) {
  return (
    <div className="flex items-start gap-2 rounded-md border bg-sunken p-2">
      <pre
        tabIndex={0}
        role="region"
        aria-label={what}
        className="min-w-0 flex-1 overflow-x-auto py-1.5 font-mono text-sm"
      >
        {text}
      </pre>
      <Copy text={text} what={what} />
    </div>
  );
}
