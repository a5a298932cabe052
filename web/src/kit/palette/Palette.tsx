import { useQuery } from '@tanstack/react-query';
import { type LinkProps, useRouter } from '@tanstack/react-router';
import { useDeferredValue, useMemo, useState } from 'react';
import {
  Autocomplete,
  Dialog,
  Input,
  ListBox,
  ListBoxItem,
  Modal,
  ModalOverlay,
  SearchField,
} from 'react-aria-components';
import { answered, api } from '../../api/client';
import { kinds } from '../../api/live';
import { paths } from '../../paths';
import { optionClass } from '../../ui/Fields';
import { sections } from '../layout/navigation';
import { useSession } from '../session';
import { matches } from '../table/ListTable';

type Entry = { id: string; name: string; kind: string; words?: string; link: LinkProps };

const actions: Entry[] = [
  {
    id: 'create-feature',
    name: 'Create feature',
    kind: 'Action',
    words: 'new flag',
    link: paths.features({ dialog: 'create' }),
  },
  {
    id: 'create-project',
    name: 'Create project',
    kind: 'Action',
    words: 'new',
    link: paths.projects({ dialog: 'create' }),
  },
  {
    id: 'create-segment',
    name: 'Create segment',
    kind: 'Action',
    words: 'new',
    link: paths.segments({ dialog: 'create' }),
  },
  {
    id: 'create-token',
    name: 'Create API token',
    kind: 'Action',
    words: 'new secret sdk',
    link: paths.apiTokens({ dialog: 'create' }),
  },
  {
    id: 'create-user',
    name: 'Add user',
    kind: 'Action',
    words: 'new person invite create',
    link: paths.users({ dialog: 'create' }),
  },
  { id: 'profile', name: 'Profile', kind: 'Page', words: 'password personal tokens account', link: paths.profile() },
  { id: 'archive', name: 'Archived features', kind: 'Page', words: 'revive delete', link: paths.archive() },
];

/** Goes to anything by its name, and begins anything that can be begun. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const { projects } = useSession();
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text.trim());

  const features = useQuery({
    queryKey: ['search/features', { query: wanted, limit: '8' }],
    enabled: wanted !== '',
    queryFn: () =>
      answered(api.GET('/api/admin/search/features', { params: { query: { query: wanted, limit: '8' } } })),
    meta: { touchedBy: kinds('feature') },
    placeholderData: (old) => old,
  });
  const segments = useQuery({
    queryKey: ['segments'],
    queryFn: () => answered(api.GET('/api/admin/segments')),
    meta: { touchedBy: kinds('segment', 'feature') },
  });
  const people = useQuery({
    queryKey: ['users', 'named', wanted],
    enabled: wanted.length > 1,
    queryFn: () => answered(api.GET('/api/admin/user-admin/search', { params: { query: { q: wanted } } })),
    retry: false,
    meta: { touchedBy: kinds('user') },
  });

  const entries = useMemo(() => {
    const pages = sections.flatMap((section) =>
      section.destinations.map(
        ({ name, link, words }): Entry => ({
          id: `page-${name}`,
          name,
          kind: 'Page',
          link,
          ...(words ? { words } : {}),
        }),
      ),
    );
    const fixed: Entry[] = [
      ...pages,
      ...actions,
      ...projects.map(
        ({ id, name }): Entry => ({ id: `project-${id}`, name, kind: 'Project', words: id, link: paths.project(id) }),
      ),
      ...(segments.data?.segments ?? []).map(
        ({ id, name }): Entry => ({ id: `segment-${id}`, name, kind: 'Segment', link: paths.segment(id) }),
      ),
    ].filter((entry) => matches(`${entry.name} ${entry.kind} ${entry.words ?? ''}`, wanted));
    if (wanted === '') return fixed.filter(({ kind }) => kind !== 'Segment').slice(0, 40);
    return [
      ...(features.data?.features ?? []).map(
        ({ name, project }): Entry => ({
          id: `feature-${name}`,
          name,
          kind: `Feature in ${project}`,
          link: paths.feature(project, name),
        }),
      ),
      ...fixed.slice(0, 30),
      ...(people.data ?? []).map(
        (user): Entry => ({
          id: `user-${user.id}`,
          name: user.name || user.username || user.email || String(user.id),
          kind: 'Person',
          link: paths.user(user.id),
        }),
      ),
    ];
  }, [projects, segments.data, features.data, people.data, wanted]);

  return (
    <ModalOverlay
      isOpen
      isDismissable
      onOpenChange={(open) => !open && onClose()}
      className="fixed inset-0 z-50 flex items-start justify-center bg-sunken/70 p-3 sm:pt-24"
    >
      <Modal className="w-full max-w-xl animate-appear rounded-lg border bg-raised shadow-xl">
        <Dialog aria-label="Go to or do anything" className="flex flex-col outline-none">
          {/* What fits was chosen above: by words, and by the server. */}
          <Autocomplete filter={() => true} inputValue={text} onInputChange={setText}>
            <SearchField aria-label="Go to or do anything" autoFocus className="border-b">
              <Input
                placeholder="A feature, project, segment, person, page or action"
                className="w-full bg-transparent px-4 py-3 text-lg outline-none placeholder:text-soft [&::-webkit-search-cancel-button]:hidden"
              />
            </SearchField>
            <ListBox
              aria-label="Results"
              items={entries}
              className="max-h-[60dvh] overflow-auto p-1 outline-none"
              renderEmptyState={() => <p className="px-3 py-6 text-center text-soft">Nothing has this name.</p>}
              onAction={(key) => {
                const entry = entries.find(({ id }) => id === key);
                if (!entry) return;
                onClose();
                void router.navigate(entry.link);
              }}
            >
              {(entry) => (
                <ListBoxItem id={entry.id} textValue={entry.name} className={optionClass}>
                  <span className="flex items-baseline justify-between gap-3">
                    <span className="min-w-0 truncate">{entry.name}</span>
                    <span className="shrink-0 text-xs text-soft">{entry.kind}</span>
                  </span>
                </ListBoxItem>
              )}
            </ListBox>
          </Autocomplete>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
