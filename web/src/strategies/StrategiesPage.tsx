import { useSuspenseQuery } from '@tanstack/react-query';
import { Archive, ArchiveRestore, EllipsisVertical, MapPin, Pencil, Plus, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import type { Schemas } from '../api/client';
import { Page } from '../kit/layout/Page';
import { strategyTypesQuery } from '../kit/queries';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { useUrl } from '../kit/url';
import { Badge } from '../ui/Bits';
import { Button, IconButton } from '../ui/Button';
import { Menu } from '../ui/Menu';
import { Explained } from '../ui/Tooltip';
import { useStrategyRefusals } from './can';
import { titleOf, useStrategyDeeds } from './deeds';
import { typeName } from './StrategyInputs';
import { CreateStrategy } from './strategy-create';
import { EditStrategy } from './strategy-edit';
import { UsesDialog } from './Uses';

type Strategy = Schemas['StrategyDefinition'];

export function StrategiesPage() {
  const { data } = useSuspenseQuery(strategyTypesQuery);
  const [{ dialog, id }, setUrl] = useUrl<{ dialog?: string; id?: string }>();
  const refusals = useStrategyRefusals();
  const deeds = useStrategyDeeds();

  const looked = dialog === 'uses' && data.strategies.find(({ name }) => name === id);

  const columns: Column<Strategy>[] = [
    {
      id: 'name',
      header: 'Strategy',
      order: titleOf,
      cell: (strategy) => (
        <>
          <span className="font-medium">{titleOf(strategy)}</span>
          {titleOf(strategy) !== strategy.name && (
            <span className="block font-mono text-xs text-soft max-md:hidden">{strategy.name}</span>
          )}
        </>
      ),
    },
    {
      id: 'description',
      header: 'Who gets the feature',
      wide: true,
      cell: ({ description }) => <span className="text-soft">{description}</span>,
    },
    {
      id: 'parameters',
      header: 'Parameters',
      wide: true,
      cell: ({ parameters }) => <Parameters of={parameters} />,
    },
    {
      id: 'kind',
      header: 'Kind',
      order: ({ editable, deprecated }) => `${deprecated} ${editable}`,
      cell: ({ editable, deprecated }) => (
        <span className="flex flex-wrap gap-1">
          <Badge tone={editable ? 'accent' : 'neutral'}>{editable ? 'custom' : 'built in'}</Badge>
          {deprecated && <Badge tone="warn">deprecated</Badge>}
        </span>
      ),
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (strategy) => (
        <Menu
          label={`Actions for ${titleOf(strategy)}`}
          trigger={<IconButton label={`Actions for ${titleOf(strategy)}`} icon={<EllipsisVertical size={16} />} />}
          entries={[
            {
              label: 'See where it is used',
              icon: <MapPin size={15} />,
              act: () => setUrl({ dialog: 'uses', id: strategy.name }, 'push'),
            },
            {
              label: 'Edit',
              icon: <Pencil size={15} />,
              disabledReason: refusals.update(strategy),
              act: () => setUrl({ dialog: 'edit', id: strategy.name }, 'push'),
            },
            strategy.deprecated
              ? {
                  label: 'Reactivate',
                  icon: <ArchiveRestore size={15} />,
                  disabledReason: refusals.deprecate,
                  act: () => void deeds.reactivate(strategy),
                }
              : {
                  label: 'Deprecate',
                  icon: <Archive size={15} />,
                  disabledReason: refusals.deprecate,
                  act: () => deeds.askToDeprecate(strategy),
                },
            'line',
            {
              label: 'Delete',
              icon: <Trash2 size={15} />,
              danger: true,
              disabledReason: refusals.delete(strategy),
              act: () => deeds.askToDelete(strategy),
            },
          ]}
        />
      ),
    },
  ];

  return (
    <Page
      title="Strategies"
      about="The ways to decide who gets a feature. The built-in ones work in every SDK; a custom one is decided by code of your own."
      actions={
        <Button
          kind="primary"
          icon={<Plus size={15} aria-hidden="true" />}
          disabledReason={refusals.create}
          onPress={() => setUrl({ dialog: 'create' }, 'push')}
        >
          Create custom strategy
        </Button>
      }
    >
      <ListTable
        label="Strategies"
        rows={data.strategies}
        columns={columns}
        rowKey={({ name }) => name}
        text={(strategy) => `${strategy.name} ${titleOf(strategy)} ${strategy.description ?? ''}`}
        empty={null}
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateStrategy onClose={() => setUrl({ dialog: '' })} />}
        {dialog === 'edit' && id && <EditStrategy key={id} name={id} onClose={() => setUrl({ dialog: '', id: '' })} />}
        {looked && (
          <UsesDialog name={looked.name} title={titleOf(looked)} onClose={() => setUrl({ dialog: '', id: '' })} />
        )}
      </Suspense>
    </Page>
  );
}

function Parameters({ of }: { of: Strategy['parameters'] }) {
  if (of.length === 0) return <span className="text-soft">none</span>;
  return (
    <span className="flex flex-wrap gap-x-2">
      {of.map(({ name, type, description, required }) => (
        <Explained
          key={name}
          text={
            <>
              {typeName(type)}
              {required && ', has to be filled in'}
              {description && `. ${description}`}
            </>
          }
        >
          <span className="underline decoration-dotted underline-offset-2">{name}</span>
        </Explained>
      ))}
    </span>
  );
}
