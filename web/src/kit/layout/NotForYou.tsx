import type { ReactNode } from 'react';
import { Empty } from '../Empty';
import { Page } from './Page';

/** A page whose data one may not read: what it is for, and who can open it. */
export function NotForYou({ title, who, children }: { title: string; who: string; children: ReactNode }) {
  return (
    <Page title={title}>
      <Empty title={who}>{children}</Empty>
    </Page>
  );
}
