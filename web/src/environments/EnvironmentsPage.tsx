import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { ArrowDown, ArrowUp, Copy, EllipsisVertical, Pencil, Plus, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { EnvironmentName } from '../kit/EnvironmentName';
import { Page } from '../kit/layout/Page';
import { useOrder } from '../kit/order/useOrder';
import { type Column, DataTable } from '../kit/table/DataTable';
import { useUrl } from '../kit/url';
import { Button, IconButton } from '../ui/Button';
import { Switch } from '../ui/Fields';
import { Menu } from '../ui/Menu';
import { useEnvironmentRefusal } from './can';
import { useEnvironmentDeeds } from './deeds';
import { CloneEnvironment } from './environment-clone';
import { CreateEnvironment } from './environment-create';
import { EditEnvironment } from './environment-edit';
import { environmentsQuery } from './queries';
import { typeLabel } from './types';

type Environment = Schemas['EnvironmentRow'];

export function EnvironmentsPage() {
  const { data } = useSuspenseQuery(environmentsQuery);
  const [{ dialog, id }, setUrl] = useUrl<{ dialog?: string; id?: string }>();
  const refusal = useEnvironmentRefusal();
  const deeds = useEnvironmentDeeds();
  const queries = useQueryClient();
  const byName = new Map(data.environments.map((environment) => [environment.name, environment]));
  const order = useOrder(
    [...byName.keys()],
    async (names) => {
      const body = Object.fromEntries(names.map((name, place) => [name, place + 1]));
      await answered(api.PUT('/api/admin/environments/sort-order', { body }));
      await refresh(queries, [{ kind: 'environment', id: names[0] ?? '' }]);
    },
    refusal,
  );
  const rows = order.shown.flatMap((name) => byName.get(name) ?? []);

  const columns: Column<Environment>[] = [
    { id: 'place', header: 'Order', wide: true, width: '3.5rem', cell: ({ name }) => order.grip(name, name) },
    { id: 'name', header: 'Environment', cell: ({ name, type }) => <EnvironmentName name={name} type={type} /> },
    { id: 'type', header: 'Type', wide: true, cell: ({ type }) => typeLabel(type) },
    { id: 'projects', header: 'Projects', align: 'right', wide: true, cell: ({ projectCount }) => projectCount ?? 0 },
    {
      id: 'features',
      header: 'Features on',
      align: 'right',
      wide: true,
      cell: ({ enabledToggleCount }) => enabledToggleCount ?? 0,
    },
    { id: 'tokens', header: 'API tokens', align: 'right', wide: true, cell: ({ apiTokenCount }) => apiTokenCount ?? 0 },
    {
      id: 'enabled',
      header: 'Open',
      cell: (environment) => (
        <Switch
          label={`${environment.name} is open to projects and tokens`}
          hideLabel
          on={environment.enabled}
          disabledReason={refusal}
          onChange={(on) => (on ? deeds.open(environment) : deeds.askToClose(environment))}
        />
      ),
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (environment) => {
        const { name } = environment;
        const place = order.shown.indexOf(name);
        return (
          <Menu
            label={`Actions for ${name}`}
            trigger={<IconButton label={`Actions for ${name}`} icon={<EllipsisVertical size={16} />} />}
            entries={[
              {
                label: 'Edit',
                icon: <Pencil size={15} />,
                disabledReason: refusal,
                act: () => setUrl({ dialog: 'edit', id: name }, 'push'),
              },
              {
                label: 'Clone',
                icon: <Copy size={15} />,
                disabledReason: refusal,
                act: () => setUrl({ dialog: 'clone', id: name }, 'push'),
              },
              {
                label: 'Move up',
                icon: <ArrowUp size={15} />,
                disabledReason: refusal ?? (place === 0 && 'It is the first.'),
                act: () => order.move(name, name, -1),
              },
              {
                label: 'Move down',
                icon: <ArrowDown size={15} />,
                disabledReason: refusal ?? (place === rows.length - 1 && 'It is the last.'),
                act: () => order.move(name, name, 1),
              },
              'line',
              {
                label: 'Delete',
                icon: <Trash2 size={15} />,
                danger: true,
                disabledReason:
                  refusal ??
                  ((environment.protected && 'It is protected.') ||
                    (rows.length === 1 && 'It is the only one: there has to be one.')),
                act: () => deeds.askToDelete(environment),
              },
            ]}
          />
        );
      },
    },
  ];

  return (
    <Page
      title="Environments"
      about="Where applications run. A feature has strategies and a switch of its own in each environment; everywhere in Flagstone they stand in this order."
      actions={
        <Button
          kind="primary"
          icon={<Plus size={15} aria-hidden="true" />}
          disabledReason={refusal}
          onPress={() => setUrl({ dialog: 'create' }, 'push')}
        >
          Create environment
        </Button>
      }
    >
      {order.announcement}
      <DataTable
        label="Environments"
        columns={columns}
        count={rows.length}
        rowAt={(place) => rows[place]}
        rowKey={({ name }) => name}
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateEnvironment onClose={() => setUrl({ dialog: '' })} />}
        {dialog === 'edit' && id && (
          <EditEnvironment key={id} name={id} onClose={() => setUrl({ dialog: '', id: '' })} />
        )}
        {dialog === 'clone' && id && (
          <CloneEnvironment key={id} name={id} onClose={() => setUrl({ dialog: '', id: '' })} />
        )}
      </Suspense>
    </Page>
  );
}
