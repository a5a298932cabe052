import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { Suspense } from 'react';
import type { Schemas } from '../api/client';
import { Empty } from '../kit/Empty';
import { linkClass, Page } from '../kit/layout/Page';
import { useSession } from '../kit/session';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Badge } from '../ui/Bits';
import { Button } from '../ui/Button';
import { SelectField } from '../ui/Fields';
import { useContextFieldRefusals } from './can';
import { CreateContextField } from './context-field-create';
import { contextFieldsQuery } from './queries';

type ContextField = Schemas['ContextField'];

const everywhere = '*';

export function ContextFieldsPage() {
  const [{ dialog, project }, setUrl] = useUrl<{ dialog?: string; project?: string }>();
  const { data } = useSuspenseQuery(contextFieldsQuery(project));
  const refusals = useContextFieldRefusals();
  const { projects } = useSession();

  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusals.createAnywhere}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create context field
    </Button>
  );

  const columns: Column<ContextField>[] = [
    {
      id: 'name',
      header: 'Name',
      order: ({ name }) => name,
      cell: ({ name }) => (
        <Link {...paths.contextField(name)} className={linkClass}>
          {name}
        </Link>
      ),
    },
    {
      id: 'description',
      header: 'Description',
      wide: true,
      optional: true,
      cell: ({ description }) => <span className="text-soft">{description}</span>,
    },
    {
      id: 'values',
      header: 'Legal values',
      wide: true,
      order: ({ legalValues }) => legalValues.length,
      cell: ({ legalValues }) => <LegalValues values={legalValues.map(({ value }) => value)} />,
    },
    {
      id: 'stickiness',
      header: 'Stickiness',
      wide: true,
      order: ({ stickiness }) => (stickiness ? 0 : 1),
      cell: ({ stickiness }) =>
        stickiness ? <Badge tone="accent">sticky</Badge> : <span className="text-soft">no</span>,
    },
    {
      id: 'uses',
      header: 'Used in',
      align: 'right',
      order: ({ usedInFeatures }) => usedInFeatures ?? 0,
      cell: ({ usedInFeatures }) => <Used count={usedInFeatures ?? 0} />,
    },
  ];

  return (
    <Page
      title="Context fields"
      about="What applications tell about who asks, as userId or appName. Constraints compare them, rollouts can stick to them."
      actions={create}
    >
      <ListTable
        label="Context fields"
        rows={data}
        columns={columns}
        rowKey={({ name }) => name}
        text={({ name, description, legalValues }) =>
          `${name} ${description ?? ''} ${legalValues.map(({ value }) => value).join(' ')}`
        }
        actions={
          <SelectField
            label="Fields of"
            hideLabel
            className="w-56"
            value={project ?? everywhere}
            onChange={(chosen) => setUrl({ project: chosen === everywhere ? '' : chosen })}
            options={[
              { value: everywhere, label: 'Fields for all projects' },
              ...projects.map(({ id, name }) => ({ value: id, label: `Fields only for ${name}` })),
            ]}
          />
        }
        empty={
          <Empty title={project ? 'This project has no fields of its own' : 'No context fields'} action={create}>
            With a field for what your applications know, as the tenant or the plan of a customer, features can be
            turned on for some and not for others.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateContextField project={project} onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </Page>
  );
}

function LegalValues({ values }: { values: string[] }) {
  if (values.length === 0) return <span className="text-soft">any</span>;
  const shown = values.slice(0, 4).join(', ');
  return <span>{values.length > 4 ? `${shown} and ${values.length - 4} more` : shown}</span>;
}

function Used({ count }: { count: number }) {
  if (count === 0) return <span className="text-soft">no feature</span>;
  return <span>{count === 1 ? '1 feature' : `${count} features`}</span>;
}
