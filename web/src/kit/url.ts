import { useNavigate, useSearch } from '@tanstack/react-router';

/** The part of the address after `?`, as the page's route has validated it, and how to change some of it. */
export function useUrl<T extends object>(): [T, (change: Partial<T>, how?: 'push' | 'replace') => void] {
  const search = useSearch({ strict: false } as never) as T;
  const navigate = useNavigate();
  return [
    search,
    (change, how = 'replace') =>
      void navigate({
        to: '.',
        search: ((old: T) => withoutNothing({ ...old, ...change })) as never,
        replace: how === 'replace',
        resetScroll: false,
      }),
  ];
}

function withoutNothing<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== '')) as T;
}

/** Takes what is a text from the address, and leaves out all else. */
export function texts<K extends string>(...names: K[]) {
  return (search: Record<string, unknown>): { [N in K]?: string } => {
    const taken: { [N in K]?: string } = {};
    for (const name of names) {
      const value = search[name];
      if (typeof value === 'string' && value !== '') taken[name] = value;
      if (typeof value === 'number' || typeof value === 'boolean') taken[name] = String(value);
    }
    return taken;
  };
}

/** The part of an address after its path: `?` and what there is, or nothing. */
export function stringifySearch(search: Record<string, unknown>): string {
  const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}
