import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { toast } from '../kit/toast/toasts';
import { Badge } from '../ui/Bits';
import { Dialog } from '../ui/Dialog';
import { useIntegrationRefusals } from './can';
import { IntegrationFields } from './IntegrationFields';
import { bodyOf, emptyFields, type Provider } from './integration';
import { integrationsQuery } from './queries';

/** First the provider, then what it needs. */
export function CreateIntegration(props: {
  provider: string | undefined;
  onProvider: (name: string) => void;
  onClose: () => void;
}) {
  const { data } = useSuspenseQuery(integrationsQuery);
  const provider = data.providers.find(({ name }) => name === props.provider);
  if (provider) return <CreateWith key={provider.name} provider={provider} onClose={props.onClose} />;
  return (
    <Dialog title="Create integration" onClose={props.onClose}>
      <p className="mb-3 text-soft">What is to be told of what happens here?</p>
      <ul className="grid gap-2 sm:grid-cols-2">
        {data.providers
          .toSorted((one, other) => Number(Boolean(one.deprecated)) - Number(Boolean(other.deprecated)))
          .map(({ name, displayName, description, deprecated }) => (
            <li key={name}>
              <button
                type="button"
                className="h-full w-full rounded-md border border-line-strong bg-surface px-3 py-2 text-left hover:bg-accent-wash"
                onClick={() => props.onProvider(name)}
              >
                <span className="flex flex-wrap items-center gap-2 font-semibold">
                  {displayName}
                  {deprecated && <Badge tone="warn">deprecated</Badge>}
                </span>
                <span className="block text-sm text-soft">{description}</span>
              </button>
            </li>
          ))}
      </ul>
    </Dialog>
  );
}

function CreateWith({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useIntegrationRefusals();
  const form = useForm({ defaultValues: emptyFields(provider) });
  return (
    <FormDialog
      title={`Create integration with ${provider.displayName}`}
      verb="Create integration"
      size="medium"
      form={form}
      disabledReason={refusals.create}
      onClose={onClose}
      act={async (fields) => {
        const made = await answered(api.POST('/api/admin/addons', { body: bodyOf(provider.name, fields) }));
        await refresh(queries, [{ kind: 'integration', id: String(made.id) }]);
        toast(`The integration with ${provider.displayName} is created.`);
      }}
    >
      <IntegrationFields control={form.control} provider={provider} />
    </FormDialog>
  );
}
