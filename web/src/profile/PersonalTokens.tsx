import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Plus, Trash2 } from 'lucide-react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { type Column, DataTable } from '../kit/table/DataTable';
import { toast } from '../kit/toast/toasts';
import { Expiry } from '../kit/tokens/Expiry';
import { Card } from '../ui/Bits';
import { Button, IconButton } from '../ui/Button';
import { Time } from '../ui/Time';
import { personalTokensQuery } from './queries';

type Token = Schemas['PersonalToken'];

export function PersonalTokens({ onCreate }: { onCreate: () => void }) {
  const { data } = useSuspenseQuery(personalTokensQuery);
  const queries = useQueryClient();

  function askToDelete({ id, description, seenAt }: Token) {
    confirm({
      title: `Delete personal token ${description}`,
      body: (
        <p>
          Whatever uses it is refused at once.{' '}
          {seenAt ? (
            <>
              It was last used <Time at={seenAt} />.
            </>
          ) : (
            'It has never been used.'
          )}
        </p>
      ),
      verb: 'Delete personal token',
      danger: true,
      act: async () => {
        await answered(api.DELETE('/api/admin/user/tokens/{id}', { params: { path: { id } } }));
        await refresh(queries, [{ kind: 'personal-token', id: String(id) }]);
        toast(`Personal token ${description} is deleted.`);
      },
    });
  }

  const columns: Column<Token>[] = [
    {
      id: 'description',
      header: 'Description',
      cell: ({ description }) => <span className="font-medium">{description}</span>,
    },
    { id: 'seen', header: 'Last used', wide: true, cell: ({ seenAt }) => <Time at={seenAt} /> },
    { id: 'expires', header: 'Expires', cell: ({ expiresAt }) => <Expiry at={expiresAt} /> },
    { id: 'created', header: 'Created', wide: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (token) => (
        <IconButton
          label={`Delete ${token.description}`}
          icon={<Trash2 size={15} />}
          onPress={() => askToDelete(token)}
        />
      ),
    },
  ];

  return (
    <Card
      title="Personal tokens"
      actions={
        <Button icon={<Plus size={15} aria-hidden="true" />} onPress={onCreate}>
          Create personal token
        </Button>
      }
    >
      {data.pats.length === 0 ? (
        <p className="text-soft">
          None. With one, a script can do with the admin API what you may do, without your password.
        </p>
      ) : (
        <DataTable
          label="Personal tokens"
          columns={columns}
          count={data.pats.length}
          rowAt={(place) => data.pats[place]}
          rowKey={({ id }) => String(id)}
        />
      )}
    </Card>
  );
}
