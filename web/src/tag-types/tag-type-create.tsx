import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { toast } from '../kit/toast/toasts';
import { useTagTypeRefusals } from './can';

export function CreateTagType({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useTagTypeRefusals();
  const form = useForm({ defaultValues: { name: '', description: '' } });
  return (
    <FormDialog
      title="Create tag type"
      verb="Create tag type"
      form={form}
      disabledReason={refusals.create}
      onClose={onClose}
      act={async (body) => {
        await answered(api.POST('/api/admin/tag-types', { body }));
        await refresh(queries, [{ kind: 'tag-type', id: body.name }]);
        toast(`Tag type ${body.name} is created.`);
      }}
    >
      <TextInput control={form.control} name="name" label="Name" autoFocus required rules={needed('A name')} />
      <TextInput control={form.control} name="description" label="Description" rows={2} />
    </FormDialog>
  );
}
