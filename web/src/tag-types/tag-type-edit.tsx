import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch } from '../api/client';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { TextInput } from '../kit/form/inputs';
import { useTagTypeRefusals } from './can';
import { tagTypeQuery } from './queries';

export function EditTagType({ name, onClose }: { name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useTagTypeRefusals();
  const { data } = useSuspenseQuery(tagTypeQuery(name));
  const { description } = data.value.tagType;
  const form = useForm({ defaultValues: { description: description ?? '' } });
  const edit = useEdit(form, data, (read) => ({ description: read.tagType.description ?? '' }));
  return (
    <FormDialog
      title={`Edit tag type ${name}`}
      verb="Save"
      form={form}
      disabledReason={refusals.update}
      onClose={onClose}
      act={(body) =>
        edit.save(async (etag) => {
          await answered(
            api.PUT('/api/admin/tag-types/{name}', { params: { path: { name } }, body, headers: ifMatch(etag) }),
          );
          await refresh(queries, [{ kind: 'tag-type', id: name }]);
        })
      }
    >
      {edit.conflict}
      <TextInput control={form.control} name="description" label="Description" rows={3} autoFocus />
    </FormDialog>
  );
}
