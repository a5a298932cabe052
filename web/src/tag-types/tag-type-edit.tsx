import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { SelectInput, TextInput } from '../kit/form/inputs';
import { useTagTypeRefusals } from './can';
import { colourOptions, noColour } from './colours';
import { tagTypeQuery } from './queries';

const formOf = ({ tagType }: Schemas['VersionedTagType']) => ({
  description: tagType.description ?? '',
  color: tagType.color ?? noColour,
});

export function EditTagType({ name, onClose }: { name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useTagTypeRefusals();
  const { data } = useSuspenseQuery(tagTypeQuery(name));
  const form = useForm({ defaultValues: formOf(data.value) });
  const edit = useEdit(form, data, formOf);
  return (
    <FormDialog
      title={`Edit tag type ${name}`}
      verb="Save"
      form={form}
      disabledReason={refusals.update}
      onClose={onClose}
      act={({ description, color }) =>
        edit.save(async (etag) => {
          const body = color === noColour ? { description } : { description, color };
          await answered(
            api.PUT('/api/admin/tag-types/{name}', { params: { path: { name } }, body, headers: ifMatch(etag) }),
          );
          await refresh(queries, [{ kind: 'tag-type', id: name }]);
        })
      }
    >
      {edit.conflict}
      <TextInput control={form.control} name="description" label="Description" rows={3} autoFocus />
      <SelectInput
        control={form.control}
        name="color"
        label="Colour"
        options={colourOptions(data.value.tagType.color)}
      />
    </FormDialog>
  );
}
