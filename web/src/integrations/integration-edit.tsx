import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch } from '../api/client';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { useIntegrationRefusals } from './can';
import { IntegrationFields } from './IntegrationFields';
import { bodyOf, fieldsOf, type Provider } from './integration';
import { integrationQuery } from './queries';

export function EditIntegration({ id, provider, onClose }: { id: number; provider: Provider; onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useIntegrationRefusals();
  const { data } = useSuspenseQuery(integrationQuery(id));
  const form = useForm({ defaultValues: fieldsOf(data.value, provider) });
  const edit = useEdit(form, data, (read) => fieldsOf(read, provider));
  return (
    <FormDialog
      title={`Edit integration with ${provider.displayName}`}
      verb="Save"
      size="medium"
      form={form}
      disabledReason={refusals.update}
      onClose={onClose}
      act={(fields) =>
        edit.save(async (etag) => {
          const body = bodyOf(provider.name, fields);
          await answered(api.PUT('/api/admin/addons/{id}', { params: { path: { id } }, body, headers: ifMatch(etag) }));
          await refresh(queries, [{ kind: 'integration', id: String(id) }]);
        })
      }
    >
      {edit.conflict}
      <IntegrationFields control={form.control} provider={provider} />
    </FormDialog>
  );
}
