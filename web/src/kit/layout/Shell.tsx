import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useRouter, useRouterState } from '@tanstack/react-router';
import { Menu as MenuIcon, Moon, Search, Sun, SunMoon, UserRound } from 'lucide-react';
import { lazy, Suspense, useEffect, useState } from 'react';
import { Dialog, Modal, ModalOverlay } from 'react-aria-components';
import { mountedAt } from '../../api/client';
import { type Connection, follow } from '../../api/live';
import { paths } from '../../paths';
import { Note, Waiting } from '../../ui/Bits';
import { Button, IconButton } from '../../ui/Button';
import { cx } from '../../ui/cx';
import { Menu } from '../../ui/Menu';
import { nameOf } from '../people';
import { useSession } from '../session';
import { chooseTheme, chosenTheme } from '../theme';
import { Mark } from './Mark';
import { sections } from './navigation';

const Palette = lazy(() => import('../palette/Palette'));

/** What stands around every page of somebody who is signed in. */
export function Shell({ onSignOut }: { onSignOut: () => void }) {
  const session = useSession();
  const connection = useLive();
  const isLoading = useRouterState({ select: ({ isLoading }) => isLoading });
  const [drawer, setDrawer] = useState(false);
  const [palette, setPalette] = useState(false);

  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setPalette((open) => !open);
      }
      if (event.key === '/' && !isTyping(event.target)) {
        event.preventDefault();
        setPalette(true);
      }
    }
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  return (
    <div className="flex h-dvh flex-col">
      <button
        type="button"
        className="absolute -top-20 left-2 z-50 rounded-md bg-accent px-3 py-1.5 text-on-accent focus:top-2"
        onClick={() => document.getElementById('page')?.focus()}
      >
        Skip to the page
      </button>
      {isLoading && <div aria-hidden="true" className="fixed inset-x-0 top-0 z-50 h-0.5 animate-late bg-accent" />}
      <header className="flex h-12 shrink-0 items-center gap-2 border-b bg-surface px-3">
        <IconButton label="Menu" icon={<MenuIcon size={18} />} className="md:hidden" onPress={() => setDrawer(true)} />
        <Link {...paths.home()} className="flex items-center gap-2 rounded-sm font-semibold">
          <Mark />
          Flagstone
        </Link>
        <Button
          kind="plain"
          className="ml-auto text-soft md:w-72 md:justify-start"
          icon={<Search size={15} aria-hidden="true" />}
          onPress={() => setPalette(true)}
        >
          <span className="max-md:sr-only">Go to or do anything</span>
          <kbd className="ml-auto font-sans text-xs max-md:hidden">Ctrl K</kbd>
        </Button>
        <ThemeMenu />
        <UserMenu onSignOut={onSignOut} />
      </header>
      {session.config.maintenanceMode && (
        <Note tone="warn">Maintenance mode: nothing can be changed until an administrator ends it.</Note>
      )}
      {connection === 'lost' && (
        <Note tone="warn">The connection to the server is lost. What you see may be old; it comes back by itself.</Note>
      )}
      <div className="flex min-h-0 flex-1">
        <div className="w-52 shrink-0 overflow-y-auto border-r bg-surface max-md:hidden">
          <Navigation onGo={() => {}} />
        </div>
        <main id="page" tabIndex={-1} className="relative min-w-0 flex-1 overflow-y-auto outline-none">
          {/* Around all pages: while the next one is on its way, the one before it stays. */}
          <Suspense fallback={<Waiting />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      {drawer && (
        <ModalOverlay isOpen isDismissable onOpenChange={setDrawer} className="fixed inset-0 z-40 bg-sunken/70">
          <Modal className="h-full w-64 overflow-y-auto border-r bg-surface">
            <Dialog aria-label="Menu" className="outline-none">
              <Navigation onGo={() => setDrawer(false)} />
            </Dialog>
          </Modal>
        </ModalOverlay>
      )}
      {palette && (
        <Suspense fallback={null}>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      )}
    </div>
  );
}

function Navigation({ onGo }: { onGo: () => void }) {
  return (
    <nav aria-label="Main" className="flex flex-col gap-4 p-2 py-3">
      {sections.map((section) => (
        <div key={section.name ?? 'daily'}>
          {section.name && section.destinations.length > 1 && (
            <p className="px-2 pb-1 text-xs font-semibold text-soft">{section.name}</p>
          )}
          <ul>
            {section.destinations.map(({ name, link, icon: Icon }) => (
              <li key={name}>
                <Link
                  {...link}
                  onClick={onGo}
                  activeOptions={{ exact: link.to === '/', includeSearch: false }}
                  className={cx(
                    'flex h-8 items-center gap-2 rounded-md px-2 text-sm hover:bg-sunken',
                    'aria-[current=page]:bg-accent-wash aria-[current=page]:font-semibold aria-[current=page]:text-accent',
                  )}
                >
                  <Icon size={15} aria-hidden="true" className="shrink-0" />
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function UserMenu({ onSignOut }: { onSignOut: () => void }) {
  const { user } = useSession();
  const router = useRouter();
  return (
    <Menu
      label="Your account"
      trigger={<Button kind="quiet" icon={<UserRound size={16} />} aria-label={`Your account, ${nameOf(user)}`} />}
      entries={[
        { label: 'Profile and personal tokens', act: () => void router.navigate(paths.profile()) },
        { label: 'Sign out', act: onSignOut },
      ]}
    />
  );
}

function ThemeMenu() {
  const [theme, setTheme] = useState(chosenTheme);
  const Icon = { system: SunMoon, light: Sun, dark: Moon }[theme];
  function choose(next: typeof theme) {
    chooseTheme(next);
    setTheme(next);
  }
  return (
    <Menu
      label="Theme"
      trigger={<Button kind="quiet" icon={<Icon size={16} />} aria-label={`Theme: ${theme}`} />}
      entries={[
        { label: 'As the device', icon: <SunMoon size={15} />, act: () => choose('system') },
        { label: 'Light', icon: <Sun size={15} />, act: () => choose('light') },
        { label: 'Dark', icon: <Moon size={15} />, act: () => choose('dark') },
      ]}
    />
  );
}

function useLive(): Connection {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>('connecting');
  // What the session has become since is told by the stream itself.
  const [since] = useState(useSession().revision);
  useEffect(() => follow(`${mountedAt}api/admin/live`, queries, since, setConnection), [queries, since]);
  return connection;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
