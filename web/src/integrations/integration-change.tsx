import { type QueryClient, useMutation, useQueryClient } from '@tanstack/react-query';
import { answered, api, ifMatch } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { toast, toastError } from '../kit/toast/toasts';
import { Switch } from '../ui/Fields';
import { useIntegrationRefusals } from './can';
import { bodyOf, fieldsOf, type Integration, scopeOf } from './integration';
import { integrationQuery } from './queries';

/** Turns an integration on and off in place. */
export function EnabledSwitch({ integration, hideLabel }: { integration: Integration; hideLabel?: boolean }) {
  const queries = useQueryClient();
  const refusals = useIntegrationRefusals();
  const { id, provider } = integration;
  const change = useMutation({
    mutationFn: async (enabled: boolean) => {
      // The whole of it is sent: as it is just now, not as the list has it.
      const read = await queries.fetchQuery({ ...integrationQuery(id), staleTime: 0 });
      const body = bodyOf(provider, { ...fieldsOf(read.value, undefined), enabled });
      const params = { path: { id } };
      await answered(api.PUT('/api/admin/addons/{id}', { params, body, headers: ifMatch(read.etag) }));
      await refresh(queries, [{ kind: 'integration', id: String(id) }]);
    },
    onError: toastError,
  });
  return (
    <Switch
      label={hideLabel ? `${integration.description || provider} is enabled` : 'Enabled'}
      hideLabel={hideLabel ?? false}
      on={change.isPending ? change.variables : integration.enabled}
      pending={change.isPending}
      disabledReason={refusals.update}
      onChange={(enabled) => change.mutate(enabled)}
    />
  );
}

export function askToDelete(queries: QueryClient, integration: Integration, then: () => void) {
  const { id, provider, description } = integration;
  const name = description || provider;
  confirm({
    title: `Delete integration ${name}`,
    body: (
      <p>
        It is told of {scopeOf(integration)} now, and of nothing any more once it is deleted. Its secrets and the list
        of its deliveries go with it.
      </p>
    ),
    verb: 'Delete integration',
    danger: true,
    act: async () => {
      await answered(api.DELETE('/api/admin/addons/{id}', { params: { path: { id } } }));
      then();
      await refresh(queries, [{ kind: 'integration', id: String(id) }]);
      toast(`Integration ${name} is deleted.`);
    },
  });
}
