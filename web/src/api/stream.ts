/** One thing that a commit touched, as `GET /api/admin/live` tells it. */
export type Change = { kind: string; id: string; project?: string; environment?: string; deleted?: boolean };

/** What the stream of commits says, and how it is. */
export type News =
  | { type: 'connecting' }
  | { type: 'lost' }
  | { type: 'hello'; revision: number }
  | { type: 'reset'; revision: number }
  | { type: 'change'; revision: number; changes: Change[] };

type Tell = (news: News) => void;

/**
 * One stream for all windows of a browser: over HTTP/1.1 it opens six connections to a server and no more, and each
 * stream holds one for good. The window that has the lock listens and tells the others; when it closes, another one
 * gets the lock. Locks are there in secure contexts alone: elsewhere each window has a stream of its own.
 */
export function shared(address: string, tell: Tell): () => void {
  if (!navigator.locks) return stream(address, tell);
  const name = `flagstone ${address}`;
  const channel = new BroadcastChannel(name);
  const leaving = new AbortController();
  let close: (() => void) | undefined;
  let last: News = { type: 'connecting' };
  let revision = 0;

  function hear(news: News) {
    last = news;
    if ('revision' in news) revision = news.revision;
    tell(news);
  }

  channel.onmessage = ({ data }: MessageEvent<News | 'how is it?'>) => {
    if (data !== 'how is it?') return hear(data);
    // A window that has just opened asks; the one with the stream answers.
    if (close) channel.postMessage(last.type === 'lost' || revision === 0 ? last : { type: 'hello', revision });
  };
  channel.postMessage('how is it?');

  navigator.locks
    .request(name, { signal: leaving.signal }, () => {
      close = stream(address, (news) => {
        hear(news);
        channel.postMessage(news);
      });
      return new Promise<void>((resolve) => leaving.signal.addEventListener('abort', () => resolve()));
    })
    // The window was closed while it waited for the lock.
    .catch((error) => {
      if (!leaving.signal.aborted) throw error;
    });

  return () => {
    leaving.abort();
    close?.();
    channel.close();
  };
}

/** Listens for itself. */
function stream(address: string, tell: Tell): () => void {
  let source: EventSource;
  let again: ReturnType<typeof setTimeout> | undefined;

  function open() {
    tell({ type: 'connecting' });
    source = new EventSource(address);
    for (const type of ['hello', 'reset', 'change'] as const) {
      source.addEventListener(type, (event) => tell({ type, ...JSON.parse(event.data) }));
    }
    source.onerror = () => {
      tell({ type: 'lost' });
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
