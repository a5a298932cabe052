import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, SelectInput, TextInput } from '../kit/form/inputs';
import { toast } from '../kit/toast/toasts';
import { useTagTypeRefusals } from './can';
import { colourOptions, noColour } from './colours';

export function CreateTagType({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useTagTypeRefusals();
  const form = useForm({ defaultValues: { name: '', description: '', color: noColour } });
  return (
    <FormDialog
      title="Create tag type"
      verb="Create tag type"
      form={form}
      disabledReason={refusals.create}
      onClose={onClose}
      act={async ({ color, ...rest }) => {
        const body = color === noColour ? rest : { ...rest, color };
        await answered(api.POST('/api/admin/tag-types', { body }));
        await refresh(queries, [{ kind: 'tag-type', id: body.name }]);
        toast(`Tag type ${body.name} is created.`);
      }}
    >
      <TextInput control={form.control} name="name" label="Name" autoFocus required rules={needed('A name')} />
      <TextInput control={form.control} name="description" label="Description" rows={2} />
      <SelectInput control={form.control} name="color" label="Colour" options={colourOptions()} />
    </FormDialog>
  );
}
