import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch } from '../api/client';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { RadioInput } from '../kit/form/inputs';
import { useEnvironmentRefusal } from './can';
import { environmentQuery } from './queries';
import { typeOptions } from './types';

export function EditEnvironment({ name, onClose }: { name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(environmentQuery(name));
  const form = useForm({ defaultValues: { type: data.value.type } });
  const edit = useEdit(form, data, ({ type }) => ({ type }));
  return (
    <FormDialog
      title={`Edit environment ${name}`}
      verb="Save"
      form={form}
      disabledReason={useEnvironmentRefusal()}
      onClose={onClose}
      act={(body) =>
        edit.save(async (etag) => {
          await answered(
            api.PUT('/api/admin/environments/update/{name}', {
              params: { path: { name } },
              body,
              headers: ifMatch(etag),
            }),
          );
          await refresh(queries, [{ kind: 'environment', id: name }]);
        })
      }
    >
      {edit.conflict}
      <RadioInput control={form.control} name="type" label="Type" options={typeOptions(data.value.type)} />
    </FormDialog>
  );
}
