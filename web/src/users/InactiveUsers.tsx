import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Trash2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { Schemas } from '../api/client';
import { Empty } from '../kit/Empty';
import { linkClass } from '../kit/layout/Page';
import { nameOf } from '../kit/people';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { paths } from '../paths';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { useUserRefusals } from './can';
import { useUserDeeds } from './deeds';
import { inactiveUsersQuery } from './queries';

type InactiveUser = Schemas['InactiveUser'];

/** Who has done nothing for long, to be deleted one by one or together. */
export function InactiveUsers({ choice }: { choice: ReactNode }) {
  const { data } = useSuspenseQuery(inactiveUsersQuery);
  const [selected, setSelected] = useState(new Set<string>());
  const refusals = useUserRefusals();
  const deeds = useUserDeeds();
  const chosen = data.inactiveUsers.filter(({ id }) => selected.has(String(id)));

  const columns: Column<InactiveUser>[] = [
    {
      id: 'name',
      header: 'Name',
      order: nameOf,
      cell: (user) => (
        <Link {...paths.user(user.id)} className={linkClass}>
          {nameOf(user)}
        </Link>
      ),
    },
    {
      id: 'login',
      header: 'Signs in with',
      wide: true,
      cell: ({ email, username }) => <span className="text-soft">{email ?? username}</span>,
    },
    {
      id: 'seen',
      header: 'Last seen',
      order: ({ seenAt }) => seenAt ?? '',
      cell: ({ seenAt }) => <Time at={seenAt} />,
    },
    {
      id: 'pat',
      header: 'Personal token used',
      wide: true,
      order: ({ patSeenAt }) => patSeenAt ?? '',
      cell: ({ patSeenAt }) => <Time at={patSeenAt} />,
    },
    {
      id: 'created',
      header: 'Added',
      wide: true,
      order: ({ createdAt }) => createdAt,
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
  ];

  return (
    <ListTable
      label="Inactive users"
      rows={data.inactiveUsers}
      columns={columns}
      rowKey={({ id }) => String(id)}
      text={(user) => `${user.name ?? ''} ${user.username ?? ''} ${user.email ?? ''}`}
      selection={{ selected, onChange: setSelected, name: nameOf }}
      actions={
        <>
          <Button
            icon={<Trash2 size={15} aria-hidden="true" />}
            disabledReason={refusals.change ?? (chosen.length === 0 && 'Select users first.')}
            onPress={() => deeds.askToDelete(chosen, async () => setSelected(new Set()))}
          >
            Delete selected
          </Button>
          {choice}
        </>
      }
      empty={
        <>
          <div className="flex justify-end">{choice}</div>
          <Empty title="Nobody is inactive">
            Who has neither signed in nor used a personal token for half a year is listed here, unless the server was
            given another time. An account that nobody uses is one that nobody misses when it is stolen.
          </Empty>
        </>
      }
    />
  );
}
