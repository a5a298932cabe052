import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { Pencil, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import { ApiError } from '../api/errors';
import { EnvironmentNames } from '../kit/EnvironmentNames';
import { typeName } from '../kit/events/words';
import { Page } from '../kit/layout/Page';
import { Problem } from '../kit/layout/Problem';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Card, Fact, Facts, Note, Waiting } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { useIntegrationRefusals } from './can';
import { Deliveries } from './Deliveries';
import type { Integration, Provider } from './integration';
import { askToDelete, EnabledSwitch } from './integration-change';
import { EditIntegration } from './integration-edit';
import { useTest } from './integration-test';
import { integrationsQuery } from './queries';

export function IntegrationPage() {
  const { id } = useParams({ from: '/signed-in/integrations/$id' });
  const { data } = useSuspenseQuery(integrationsQuery);
  const [{ dialog, page }, setUrl] = useUrl<{ dialog?: string; page?: string }>();
  const refusals = useIntegrationRefusals();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const test = useTest(Number(id));
  const integration = data.addons.find((one) => String(one.id) === id);
  if (!integration) return <Problem error={new ApiError(404, undefined)} />;
  const provider = data.providers.find(({ name }) => name === integration.provider);

  return (
    <Page
      title={integration.description || provider?.displayName || integration.provider}
      about={provider?.description}
      crumbs={[{ name: 'Integrations', link: paths.integrations() }]}
      actions={
        <>
          <EnabledSwitch integration={integration} />
          {test.button}
          <Button
            icon={<Pencil size={15} aria-hidden="true" />}
            disabledReason={refusals.update}
            onPress={() => setUrl({ dialog: 'edit' }, 'push')}
          >
            Edit integration
          </Button>
          <Button
            icon={<Trash2 size={15} aria-hidden="true" />}
            disabledReason={refusals.delete}
            onPress={() =>
              askToDelete(queries, integration, () => void navigate({ ...paths.integrations(), replace: true }))
            }
          >
            Delete integration
          </Button>
        </>
      }
    >
      {test.outcome}
      {!integration.enabled && <Note tone="warn">It is disabled, so it is told of nothing.</Note>}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title="Settings">
          <Settings integration={integration} provider={provider} />
        </Card>
        <Card title="Told of">
          <Scope integration={integration} />
        </Card>
      </div>
      <section className="flex flex-col gap-2">
        <h2 className="text-lg font-semibold">Deliveries</h2>
        {refusals.deliveries ? (
          <Note>Only administrators see what was delivered, since it can hold events of every project.</Note>
        ) : (
          <Suspense fallback={<Waiting />}>
            <Deliveries
              id={integration.id}
              page={Math.max(1, Number(page) || 1)}
              onPage={(page) => setUrl({ page: page === 1 ? '' : String(page) }, 'push')}
            />
          </Suspense>
        )}
      </section>
      <Suspense fallback={null}>
        {dialog === 'edit' && provider && (
          <EditIntegration id={integration.id} provider={provider} onClose={() => setUrl({ dialog: '' })} />
        )}
      </Suspense>
    </Page>
  );
}

function Settings({ integration, provider }: { integration: Integration; provider: Provider | undefined }) {
  const named = (name: string) =>
    provider?.parameters.find((parameter) => parameter.name === name)?.displayName ?? name;
  return (
    <Facts>
      <Fact name="Provider">{provider?.displayName ?? integration.provider}</Fact>
      <Fact name="Created">
        <Time at={integration.createdAt} />
      </Fact>
      {Object.entries(integration.parameters).map(([name, value]) => (
        <Fact key={name} name={named(name)}>
          <span className="font-mono text-sm">{String(value)}</span>
        </Fact>
      ))}
    </Facts>
  );
}

function Scope({ integration }: { integration: Integration }) {
  const { events, projects, environments } = integration;
  const all = (list: string[]) => list.length === 0 || list.includes('*');
  return (
    <Facts>
      <Fact name="Events">{events.includes('*') ? 'all' : events.map(typeName).join(', ')}</Fact>
      <Fact name="Projects">{all(projects) ? 'all' : projects.join(', ')}</Fact>
      <Fact name="Environments">{all(environments) ? 'all' : <EnvironmentNames names={environments} />}</Fact>
    </Facts>
  );
}
