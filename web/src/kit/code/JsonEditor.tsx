import { lazy } from 'react';

export type JsonEditorProps = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  readOnly?: boolean;
};

/** A text in JSON with line numbers, folding and faults at their places. Stands in a `Suspense`. */
export const JsonEditor = lazy(() => import('./Editor'));
