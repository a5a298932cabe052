import type { QueryClient } from '@tanstack/react-query';
import { type Change, shared } from './stream';

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

/**
 * Follows the server's commits until the returned function is called. `since` is the revision that the window has begun
 * with: what was committed between that and the first word of the stream is fetched anew.
 */
export function follow(
  address: string,
  queries: QueryClient,
  since: number,
  tell: (connection: Connection) => void,
): () => void {
  let known = since;

  function refetchAll() {
    void queries.invalidateQueries({ predicate: (query) => query.meta?.touchedBy !== undefined });
  }

  return shared(address, (news) => {
    switch (news.type) {
      case 'connecting':
      case 'lost':
        return tell(news.type);
      case 'hello':
        tell('live');
        // What was missed between two connections is not told again.
        if (news.revision > known) refetchAll();
        break;
      case 'reset':
        refetchAll();
        break;
      case 'change':
        betweenWrites(() => {
          if (!own.delete(news.revision)) void refresh(queries, news.changes);
        });
    }
    known = news.revision;
  });
}
