import type { QueryClient } from '@tanstack/react-query';

/** One thing that a commit touched, as `GET /api/admin/live` tells it. */
export type Change = { kind: string; id: string; project?: string; environment?: string; deleted?: boolean };

/** Says in a query's `meta` which changes make its answer old. */
export type Touched = (change: Change) => boolean;

declare module '@tanstack/react-query' {
  interface Register {
    queryMeta: { touchedBy?: Touched };
  }
}

/** Of any thing of these kinds. */
export function kinds(...names: string[]): Touched {
  return (change) => names.includes(change.kind);
}

// Revisions that this window has made: it refetched what they touch as soon as they were answered.
const own = new Set<number>();

// The stream may tell of a write before the write is answered: what it tells waits until no write is on its way.
let writes = 0;
let waiting: (() => void)[] = [];

export function writeBegan() {
  writes++;
}

/** The revision is 0 where nothing was written. */
export function writeEnded(revision: number) {
  if (revision > 0) own.add(revision);
  writes--;
  if (writes > 0) return;
  const acts = waiting;
  waiting = [];
  for (const act of acts) act();
}

function betweenWrites(act: () => void) {
  if (writes > 0) waiting.push(act);
  else act();
}

/** Has every query refetched that one of these changes touches. */
export function refresh(queries: QueryClient, changes: Change[]) {
  return queries.invalidateQueries({
    predicate: (query) => {
      const touchedBy = query.meta?.touchedBy;
      return touchedBy !== undefined && changes.some(touchedBy);
    },
  });
}

export type Connection = 'connecting' | 'live' | 'lost';

/** Follows the server's commits until the returned function is called. */
export function follow(address: string, queries: QueryClient, tell: (connection: Connection) => void): () => void {
  let source: EventSource;
  let again: ReturnType<typeof setTimeout> | undefined;
  let known = 0;

  function refetchAll() {
    void queries.invalidateQueries({ predicate: (query) => query.meta?.touchedBy !== undefined });
  }

  function open() {
    tell('connecting');
    source = new EventSource(address);
    source.addEventListener('hello', (event) => {
      tell('live');
      const { revision } = JSON.parse(event.data) as { revision: number };
      // What was missed between two connections is not told again.
      if (known !== 0 && revision > known) refetchAll();
      known = Math.max(known, revision);
    });
    source.addEventListener('reset', (event) => {
      known = (JSON.parse(event.data) as { revision: number }).revision;
      refetchAll();
    });
    source.addEventListener('change', (event) => {
      const { revision, changes } = JSON.parse(event.data) as { revision: number; changes: Change[] };
      known = Math.max(known, revision);
      betweenWrites(() => {
        if (!own.delete(revision)) void refresh(queries, changes);
      });
    });
    source.onerror = () => {
      tell('lost');
      // Browsers try again by themselves unless the answer was a refusal.
      if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 5000);
    };
  }

  open();
  return () => {
    clearTimeout(again);
    source.close();
  };
}
