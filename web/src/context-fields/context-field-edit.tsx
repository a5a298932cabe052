import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { ContextFieldInputs, type FieldForm, formOf, inputOf } from './ContextFieldInputs';
import { useContextFieldRefusals } from './can';
import { contextFieldQuery, putContextField } from './queries';

export function EditContextField({ name, onClose }: { name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(contextFieldQuery(name));
  const refusals = useContextFieldRefusals();
  const form = useForm<FieldForm>({ defaultValues: formOf(data.value) });
  const edit = useEdit(form, data, formOf);
  return (
    <FormDialog
      title={`Edit context field ${name}`}
      verb="Save"
      size="medium"
      form={form}
      disabledReason={refusals.update(data.value.project)}
      onClose={onClose}
      act={(values) =>
        edit.save(async (etag) => {
          await putContextField(data.value, { ...inputOf(values), sortOrder: data.value.sortOrder }, etag);
          await refresh(queries, [{ kind: 'context-field', id: name }]);
        })
      }
    >
      {edit.conflict}
      <ContextFieldInputs control={form.control} autoFocus />
    </FormDialog>
  );
}
