import { type ReactNode, useEffect } from 'react';
import { Mark } from '../kit/layout/Mark';

/** The frame of the pages for people who are not signed in yet. */
export function Frame({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Flagstone`;
  }, [title]);
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center p-4">
      <div className="flex w-full max-w-sm flex-col gap-4 rounded-lg border bg-surface p-6 shadow-sm">
        <p className="flex items-center gap-2 font-semibold">
          <Mark /> Flagstone
        </p>
        <h1 className="text-xl font-semibold">{title}</h1>
        {children}
      </div>
    </main>
  );
}
