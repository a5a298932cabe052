import { Link, type LinkProps, useLocation } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import { cx } from '../../ui/cx';

export type Crumb = { name: string; link: LinkProps };
export type Tab = {
  name: string;
  link: LinkProps;
  /** Only this very address, not those below it. */
  exact?: boolean;
  /** Tabs of one page, told apart by what stands after `?`. */
  bySearch?: boolean;
};

/** The frame of every page: where one is, its name, what one can do, its tabs. */
export function Page(props: {
  title: string;
  /** Beside the name, as badges. */
  marks?: ReactNode;
  /** One sentence below the name. */
  about?: ReactNode;
  crumbs?: Crumb[];
  actions?: ReactNode;
  tabs?: Tab[];
  children: ReactNode;
}) {
  const { title, marks, about, crumbs, actions, tabs, children } = props;
  useEffect(() => {
    document.title = `${title} · Flagstone`;
  }, [title]);
  return (
    <div className="mx-auto flex w-full max-w-(--page-width) flex-col gap-4 px-4 py-4 [--page-width:100rem] sm:px-6">
      <header className="flex flex-col gap-2">
        {crumbs && (
          <nav aria-label="Breadcrumbs">
            <ol className="flex flex-wrap gap-1 text-sm text-soft">
              {crumbs.map(({ name, link }) => (
                <li key={name}>
                  <Link
                    {...link}
                    className="rounded-sm underline decoration-line-strong underline-offset-2 hover:text-accent"
                  >
                    {name}
                  </Link>
                  <span aria-hidden="true"> /</span>
                </li>
              ))}
            </ol>
          </nav>
        )}
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          <h1 className="text-xl font-semibold">{title}</h1>
          {marks}
          {actions && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
        {about && <div className="max-w-prose text-soft">{about}</div>}
        {tabs && <Tabs of={title} tabs={tabs} />}
      </header>
      {children}
    </div>
  );
}

function Tabs({ of, tabs }: { of: string; tabs: Tab[] }) {
  const nav = useRef<HTMLElement>(null);
  const address = useLocation({ select: ({ pathname }) => pathname });
  // On a narrow screen the tab where one is may be out of sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each address
  useEffect(() => {
    nav.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [address]);
  return (
    <nav ref={nav} aria-label={`Parts of ${of}`} className="-mb-1 overflow-x-auto border-b">
      <ul className="flex gap-1">
        {tabs.map(({ name, link, exact, bySearch }) => (
          <li key={name}>
            <Link
              {...link}
              activeOptions={{ exact: exact ?? false, includeSearch: bySearch ?? false }}
              className={cx(
                'block border-b-2 border-transparent px-3 py-1.5 text-sm font-medium whitespace-nowrap text-soft hover:text-ink',
                'aria-[current=page]:border-accent aria-[current=page]:text-ink focus-visible:-outline-offset-2',
              )}
            >
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** A link in running text and in tables. */
export const linkClass =
  'rounded-sm font-medium text-accent underline decoration-line-strong underline-offset-2 hover:decoration-current';
