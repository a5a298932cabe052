import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CalendarClock, Plus } from 'lucide-react';
import { Suspense } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { Empty } from '../kit/Empty';
import { NotForYou } from '../kit/layout/NotForYou';
import { linkClass, Page } from '../kit/layout/Page';
import { nameOf } from '../kit/people';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { toast, toastError } from '../kit/toast/toasts';
import { Expiry } from '../kit/tokens/Expiry';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Button, IconButton } from '../ui/Button';
import { Switch } from '../ui/Fields';
import { Time } from '../ui/Time';
import { useInvitationRefusal, useMaySeeInvitations } from './can';
import { CreateInvitation } from './invitation-create';
import { ExtendInvitation } from './invitation-extend';
import { invitationsQuery } from './queries';

type Invitation = Schemas['SignupLink'];

export function InvitationsPage() {
  if (useMaySeeInvitations()) return <Invitations />;
  return (
    <NotForYou title="Invitations" who="Administrators invite people">
      With an invitation, somebody signs up without waiting for an administrator. Ask one of them for a link.
    </NotForYou>
  );
}

function Invitations() {
  const { data } = useSuspenseQuery(invitationsQuery);
  const [{ dialog, id }, setUrl] = useUrl<{ dialog?: string; id?: string }>();
  const refusal = useInvitationRefusal();
  const queries = useQueryClient();
  const extended = data.tokens.find(({ secret }) => secret === id);

  async function turn({ secret: token, name }: Invitation, enabled: boolean) {
    try {
      await answered(
        api.PUT('/api/admin/invite-link/tokens/{token}', { params: { path: { token } }, body: { enabled } }),
      );
      await refresh(queries, [{ kind: 'signup-link', id: token }]);
      toast(enabled ? `People can sign up with ${name} again.` : `Nobody can sign up with ${name} any more.`);
    } catch (error) {
      toastError(error);
    }
  }

  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusal}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create invitation
    </Button>
  );

  const columns: Column<Invitation>[] = [
    {
      id: 'name',
      header: 'Name',
      order: ({ name }) => name,
      cell: ({ name }) => <span className="font-medium">{name}</span>,
    },
    { id: 'role', header: 'Makes', wide: true, cell: ({ role }) => role?.name ?? 'Viewer' },
    {
      id: 'users',
      header: 'Signed up',
      wide: true,
      order: ({ users }) => users.length,
      cell: ({ users }) => <SignedUp users={users} />,
    },
    {
      id: 'expires',
      header: 'Expires',
      order: ({ expiresAt }) => expiresAt,
      cell: ({ expiresAt }) => <Expiry at={expiresAt} />,
    },
    {
      id: 'created',
      header: 'Created',
      wide: true,
      order: ({ createdAt }) => createdAt,
      cell: ({ createdAt, createdBy }) => (
        <>
          <Time at={createdAt} /> <span className="text-soft">by {createdBy}</span>
        </>
      ),
    },
    {
      id: 'enabled',
      header: 'On',
      cell: (link) => (
        <Switch
          label={`People can sign up with ${link.name}`}
          hideLabel
          on={link.enabled}
          idle={new Date(link.expiresAt).getTime() <= Date.now()}
          disabledReason={refusal}
          onChange={(enabled) => void turn(link, enabled)}
        />
      ),
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (link) => (
        <IconButton
          label={`Change the expiry of ${link.name}`}
          icon={<CalendarClock size={15} />}
          disabledReason={refusal}
          onPress={() => setUrl({ dialog: 'extend', id: link.secret }, 'push')}
        />
      ),
    },
  ];

  return (
    <Page
      title="Invitations"
      about="Links by which people sign up by themselves, as Viewers. A link is shown once, when it is made; whoever has it can use it until it expires or is switched off."
      actions={create}
    >
      <ListTable
        label="Invitations"
        rows={data.tokens}
        columns={columns}
        rowKey={({ secret }) => secret}
        text={({ name, createdBy }) => `${name} ${createdBy}`}
        empty={
          <Empty title="No invitations yet" action={create}>
            Make one for a whole team, and send it to them. For one person, it is better to{' '}
            <Link {...paths.users()} className={linkClass}>
              add the user
            </Link>
            : then they have the right role from the start.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateInvitation onClose={() => setUrl({ dialog: '' })} />}
        {dialog === 'extend' && extended && (
          <ExtendInvitation key={id} link={extended} onClose={() => setUrl({ dialog: '', id: '' })} />
        )}
      </Suspense>
    </Page>
  );
}

function SignedUp({ users }: { users: Invitation['users'] }) {
  if (users.length === 0) return <span className="text-soft">nobody yet</span>;
  return (
    <span className="flex flex-wrap gap-x-2">
      {users.slice(0, 5).map((user) => (
        <Link key={user.id} {...paths.user(user.id)} className={linkClass}>
          {nameOf(user)}
        </Link>
      ))}
      {users.length > 5 && <span className="text-soft">and {users.length - 5} more</span>}
    </span>
  );
}
