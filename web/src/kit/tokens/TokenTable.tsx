import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { CalendarClock, Trash2 } from 'lucide-react';
import { type ReactNode, Suspense } from 'react';
import { answered, api, type Schemas } from '../../api/client';
import { refresh } from '../../api/live';
import { Badge } from '../../ui/Bits';
import { IconButton } from '../../ui/Button';
import { Time } from '../../ui/Time';
import { confirm } from '../confirm/confirm';
import { EnvironmentName } from '../EnvironmentName';
import { ProjectLink } from '../ProjectLink';
import { useSession } from '../session';
import type { Column } from '../table/DataTable';
import { ListTable } from '../table/ListTable';
import { toast } from '../toast/toasts';
import { useUrl } from '../url';
import { kindOf, type TokenKind, useTokenRefusals } from './can';
import { Expiry } from './Expiry';
import { apiTokensQuery } from './queries';
import { EditToken } from './token-edit';

type Token = Schemas['ApiToken'];

const kindNames: Record<TokenKind, string> = { backend: 'Backend', frontend: 'Frontend', admin: 'Admin' };

/** API tokens, of all or of one project. A token is known by its masked form. */
export function TokenTable({ projectId, empty }: { projectId?: string; empty: ReactNode }) {
  const { data } = useSuspenseQuery(apiTokensQuery(projectId));
  const [{ dialog, id }, setUrl] = useUrl<{ dialog?: string; id?: string }>();
  const refusals = useTokenRefusals(projectId);
  const queries = useQueryClient();
  const edited = data.tokens.find(({ secret }) => secret === id);

  function askToDelete(token: Token) {
    confirm({
      title: `Delete API token ${token.tokenName}`,
      body: (
        <>
          <p>
            It stops working at once: SDKs that use it are refused, and go on with what they knew last until they are
            restarted.
          </p>
          <p>
            {token.seenAt ? (
              <>
                It was last used <Time at={token.seenAt} />.
              </>
            ) : (
              'It has never been used.'
            )}
          </p>
        </>
      ),
      verb: 'Delete API token',
      danger: true,
      act: async () => {
        await answered(
          projectId !== undefined && refusals.isOwn(token)
            ? api.DELETE('/api/admin/projects/{projectId}/api-tokens/{token}', {
                params: { path: { projectId, token: token.secret } },
              })
            : api.DELETE('/api/admin/api-tokens/{token}', { params: { path: { token: token.secret } } }),
        );
        await refresh(queries, [{ kind: 'api-token', id: '' }]);
        toast(`API token ${token.tokenName} is deleted.`);
      },
    });
  }

  const columns: Column<Token>[] = [
    {
      id: 'name',
      header: 'Name',
      order: ({ tokenName }) => tokenName,
      cell: ({ tokenName, secret, environment }) => (
        <>
          <span className="font-medium">{tokenName}</span>
          <span className="block md:hidden">
            <Environment name={environment} />
          </span>
          <span className="block max-w-56 truncate font-mono text-xs text-soft max-md:hidden" title={secret}>
            {secret}
          </span>
        </>
      ),
    },
    {
      id: 'type',
      header: 'Type',
      order: ({ type }) => kindOf(type),
      cell: ({ type }) => (
        <Badge tone={kindOf(type) === 'admin' ? 'violet' : 'neutral'}>{kindNames[kindOf(type)]}</Badge>
      ),
    },
    {
      id: 'environment',
      header: 'Environment',
      wide: true,
      order: ({ environment }) => environment ?? '',
      cell: ({ environment }) => <Environment name={environment} />,
    },
    {
      id: 'projects',
      header: 'Projects',
      wide: true,
      order: ({ projects }) => projects.join(', '),
      cell: ({ projects }) => <Projects ids={projects} />,
    },
    {
      id: 'seen',
      header: 'Last used',
      wide: true,
      order: ({ seenAt }) => seenAt ?? '',
      cell: ({ seenAt }) => <Time at={seenAt} />,
    },
    {
      id: 'expires',
      header: 'Expires',
      order: ({ expiresAt }) => expiresAt ?? '9999',
      cell: ({ expiresAt }) => <Expiry at={expiresAt} />,
    },
    {
      id: 'created',
      header: 'Created',
      wide: true,
      optional: true,
      order: ({ createdAt }) => createdAt,
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (token) => (
        <span className="whitespace-nowrap">
          <IconButton
            label={`Change the expiry of ${token.tokenName}`}
            icon={<CalendarClock size={15} />}
            disabledReason={refusals.update(token)}
            onPress={() => setUrl({ dialog: 'edit', id: token.secret }, 'push')}
          />
          <IconButton
            label={`Delete ${token.tokenName}`}
            icon={<Trash2 size={15} />}
            disabledReason={refusals.delete(token)}
            onPress={() => askToDelete(token)}
          />
        </span>
      ),
    },
  ];

  return (
    <>
      <ListTable
        label="API tokens"
        rows={data.tokens}
        columns={columns}
        rowKey={({ secret }) => secret}
        text={({ tokenName, secret, type, environment, projects }) =>
          `${tokenName} ${secret} ${kindNames[kindOf(type)]} ${environment ?? ''} ${projects.join(' ')}`
        }
        empty={empty}
      />
      <Suspense fallback={null}>
        {dialog === 'edit' && edited && (
          <EditToken key={id} token={edited} onClose={() => setUrl({ dialog: '', id: '' })} />
        )}
      </Suspense>
    </>
  );
}

function Environment({ name }: { name: string | null | undefined }) {
  const { environments } = useSession();
  if (!name || name === '*') return <span className="text-soft">all environments</span>;
  return <EnvironmentName name={name} type={environments.find((known) => known.name === name)?.type ?? ''} />;
}

function Projects({ ids }: { ids: string[] }) {
  if (ids.includes('*')) return <span className="text-soft">all projects</span>;
  return (
    <span className="flex flex-wrap gap-x-2">
      {ids.map((id) => (
        <ProjectLink key={id} id={id} />
      ))}
    </span>
  );
}
