import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch } from '../api/client';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { useStrategyRefusals } from './can';
import { strategyQuery } from './queries';
import { formOf, type StrategyForm, StrategyInputs } from './StrategyInputs';

export function EditStrategy({ name, onClose }: { name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(strategyQuery(name));
  const refusals = useStrategyRefusals();
  const form = useForm<StrategyForm>({ defaultValues: formOf(data.value) });
  const edit = useEdit(form, data, formOf);
  return (
    <FormDialog
      title={`Edit custom strategy ${name}`}
      verb="Save"
      size="medium"
      form={form}
      disabledReason={refusals.update(data.value)}
      onClose={onClose}
      act={({ title, description, parameters }) =>
        edit.save(async (etag) => {
          await answered(
            api.PUT('/api/admin/strategies/{name}', {
              params: { path: { name } },
              body: { title, description, parameters },
              headers: ifMatch(etag),
            }),
          );
          await refresh(queries, [{ kind: 'strategy', id: name }]);
        })
      }
    >
      {edit.conflict}
      <StrategyInputs control={form.control} autoFocus />
    </FormDialog>
  );
}
