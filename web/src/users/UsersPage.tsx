import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { EllipsisVertical, KeyRound, Pencil, Trash2, UserPlus } from 'lucide-react';
import { type ReactNode, Suspense } from 'react';
import type { Schemas } from '../api/client';
import { NotForYou } from '../kit/layout/NotForYou';
import { linkClass, Page } from '../kit/layout/Page';
import { nameOf } from '../kit/people';
import { useSession } from '../kit/session';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Badge } from '../ui/Bits';
import { Button, IconButton } from '../ui/Button';
import { SelectField } from '../ui/Fields';
import { Menu } from '../ui/Menu';
import { Time } from '../ui/Time';
import { useMaySeeUsers, useUserRefusals } from './can';
import { useUserDeeds } from './deeds';
import { InactiveUsers } from './InactiveUsers';
import { usersQuery } from './queries';
import { CreateUser } from './user-create';
import { EditUser } from './user-edit';

type User = Schemas['User'];

export function UsersPage() {
  if (useMaySeeUsers()) return <Users />;
  return (
    <NotForYou title="Users" who="Administrators look after users">
      Ask one of them to add somebody, or to give you another role. What you may do yourself stands in your{' '}
      <Link {...paths.profile()} className={linkClass}>
        profile
      </Link>
      .
    </NotForYou>
  );
}

function Users() {
  const [{ dialog, id, show }, setUrl] = useUrl<{ dialog?: string; id?: string; show?: string }>();
  const refusals = useUserRefusals();
  const choice = (
    <SelectField
      label="Which users"
      hideLabel
      className="w-44"
      value={show === 'inactive' ? 'inactive' : 'all'}
      onChange={(chosen) => setUrl({ show: chosen === 'all' ? '' : chosen })}
      options={[
        { value: 'all', label: 'All users' },
        { value: 'inactive', label: 'Inactive users', description: 'Who has done nothing for long' },
      ]}
    />
  );
  return (
    <Page
      title="Users"
      about="Who can sign in here, and with which role. Whoever creates a project owns it besides."
      actions={
        <Button
          kind="primary"
          icon={<UserPlus size={15} aria-hidden="true" />}
          disabledReason={refusals.change}
          onPress={() => setUrl({ dialog: 'create' }, 'push')}
        >
          Add user
        </Button>
      }
    >
      {show === 'inactive' ? <InactiveUsers choice={choice} /> : <AllUsers choice={choice} />}
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateUser onClose={() => setUrl({ dialog: '' })} />}
        {dialog === 'edit' && id && (
          <EditUser key={id} id={Number(id)} onClose={() => setUrl({ dialog: '', id: '' })} />
        )}
      </Suspense>
    </Page>
  );
}

function AllUsers({ choice }: { choice: ReactNode }) {
  const { data } = useSuspenseQuery(usersQuery);
  const [, setUrl] = useUrl<{ dialog?: string; id?: string }>();
  const refusals = useUserRefusals();
  const deeds = useUserDeeds();
  const { user: me } = useSession();
  const roleOf = (user: User) => data.rootRoles.find(({ id }) => id === user.rootRole)?.name ?? '';

  const columns: Column<User>[] = [
    {
      id: 'name',
      header: 'Name',
      order: nameOf,
      cell: (user) => (
        <>
          <Link {...paths.user(user.id)} className={linkClass}>
            {nameOf(user)}
          </Link>
          {user.id === me.id && <span className="text-soft"> (you)</span>}
        </>
      ),
    },
    {
      id: 'login',
      header: 'Signs in with',
      wide: true,
      optional: true,
      order: ({ email, username }) => email || username || '',
      cell: ({ email, username }) => (
        <span className="text-soft">{[email, username].filter(Boolean).join(' or ')}</span>
      ),
    },
    {
      id: 'role',
      header: 'Role',
      order: roleOf,
      cell: (user) => <Badge tone={roleOf(user) === 'Admin' ? 'violet' : 'neutral'}>{roleOf(user)}</Badge>,
    },
    {
      id: 'seen',
      header: 'Last seen',
      wide: true,
      order: ({ seenAt }) => seenAt ?? '',
      cell: ({ seenAt }) => <Time at={seenAt} />,
    },
    {
      id: 'created',
      header: 'Added',
      wide: true,
      optional: true,
      order: ({ createdAt }) => createdAt,
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (user) => (
        <Menu
          label={`Actions for ${nameOf(user)}`}
          trigger={<IconButton label={`Actions for ${nameOf(user)}`} icon={<EllipsisVertical size={16} />} />}
          entries={[
            {
              label: 'Edit or change role',
              icon: <Pencil size={15} />,
              disabledReason: refusals.change,
              act: () => setUrl({ dialog: 'edit', id: String(user.id) }, 'push'),
            },
            {
              label: 'Make password link',
              icon: <KeyRound size={15} />,
              disabledReason: refusals.change,
              act: () => deeds.askToReset(user),
            },
            'line',
            {
              label: 'Delete',
              icon: <Trash2 size={15} />,
              danger: true,
              disabledReason: refusals.delete(user.id),
              act: () => deeds.askToDelete([user]),
            },
          ]}
        />
      ),
    },
  ];

  return (
    <>
      <ListTable
        label="Users"
        rows={data.users}
        columns={columns}
        rowKey={({ id }) => String(id)}
        text={(user) => `${user.name ?? ''} ${user.username ?? ''} ${user.email ?? ''} ${roleOf(user)}`}
        actions={choice}
        empty={null}
      />
      {deeds.shown}
    </>
  );
}
