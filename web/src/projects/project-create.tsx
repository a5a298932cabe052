import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, RadioInput, TextInput } from '../kit/form/inputs';
import { paths } from '../paths';
import { useProjectRefusals } from './can';

export const modeOptions: { value: Schemas['ProjectMode']; label: string; description: string }[] = [
  { value: 'open', label: 'Open', description: 'Everybody sees it; who may change features anywhere may do so here.' },
  { value: 'protected', label: 'Protected', description: 'Everybody sees it; its members alone change it.' },
  { value: 'private', label: 'Private', description: 'Its members and administrators alone know that it exists.' },
];

export function CreateProject({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const router = useRouter();
  const refusals = useProjectRefusals();
  const form = useForm({
    defaultValues: { name: '', id: '', description: '', mode: 'open' as Schemas['ProjectMode'] },
  });
  return (
    <FormDialog
      title="Create project"
      verb="Create project"
      form={form}
      disabledReason={refusals.create}
      onClose={onClose}
      act={async ({ id, ...body }) => {
        const made = await answered(api.POST('/api/admin/projects', { body: { ...body, ...(id ? { id } : {}) } }));
        await refresh(queries, [{ kind: 'project', id: made.id }]);
        await router.navigate(paths.project(made.id));
      }}
    >
      <TextInput control={form.control} name="name" label="Name" autoFocus required rules={needed('A name')} />
      <TextInput
        control={form.control}
        name="id"
        label="Id"
        mono
        description="Stands in tokens and addresses, and stays. Made from the name if you give none."
      />
      <TextInput control={form.control} name="description" label="Description" rows={2} />
      <RadioInput control={form.control} name="mode" label="Who sees and changes it" options={modeOptions} />
    </FormDialog>
  );
}
