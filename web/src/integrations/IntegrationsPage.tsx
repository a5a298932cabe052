import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Plus, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import { Empty } from '../kit/Empty';
import { linkClass, Page } from '../kit/layout/Page';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Button, IconButton } from '../ui/Button';
import { Time } from '../ui/Time';
import { useIntegrationRefusals } from './can';
import { type Integration, scopeOf } from './integration';
import { askToDelete, EnabledSwitch } from './integration-change';
import { CreateIntegration } from './integration-create';
import { integrationsQuery } from './queries';

export function IntegrationsPage() {
  const { data } = useSuspenseQuery(integrationsQuery);
  const [{ dialog, provider }, setUrl] = useUrl<{ dialog?: string; provider?: string }>();
  const refusals = useIntegrationRefusals();
  const queries = useQueryClient();
  const named = (name: string) => data.providers.find((one) => one.name === name)?.displayName ?? name;

  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusals.create}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create integration
    </Button>
  );

  const columns: Column<Integration>[] = [
    {
      id: 'name',
      header: 'Integration',
      order: ({ provider, description }) => `${named(provider)} ${description ?? ''}`,
      cell: ({ id, provider, description }) => (
        <span className="flex flex-wrap items-center gap-x-2">
          <Link {...paths.integration(id)} className={linkClass}>
            {description || named(provider)}
          </Link>
          {description && <span className="text-sm text-soft">{named(provider)}</span>}
        </span>
      ),
    },
    { id: 'scope', header: 'Told of', wide: true, cell: (integration) => scopeOf(integration) },
    {
      id: 'created',
      header: 'Created',
      wide: true,
      order: ({ createdAt }) => createdAt,
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
    {
      id: 'enabled',
      header: 'Enabled',
      cell: (integration) => <EnabledSwitch integration={integration} hideLabel />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (integration) => (
        <IconButton
          label={`Delete ${integration.description || named(integration.provider)}`}
          icon={<Trash2 size={15} />}
          disabledReason={refusals.delete}
          onPress={() => askToDelete(queries, integration, () => {})}
        />
      ),
    },
  ];

  return (
    <Page
      title="Integrations"
      about="Other services are told of what happens here, as it happens: a channel of Slack or Teams, Datadog, New Relic, or an address of your own."
      actions={create}
    >
      <ListTable
        label="Integrations"
        rows={data.addons}
        columns={columns}
        rowKey={({ id }) => String(id)}
        text={({ provider, description }) => `${named(provider)} ${description ?? ''}`}
        empty={
          <Empty title="No integrations yet" action={create}>
            With one, the people who run your services see in their own tools when a feature is turned on or off.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && (
          <CreateIntegration
            provider={provider}
            onProvider={(name) => setUrl({ provider: name })}
            onClose={() => setUrl({ dialog: '', provider: '' })}
          />
        )}
      </Suspense>
    </Page>
  );
}
