import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useForm } from 'react-hook-form';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, SelectInput, TextInput } from '../kit/form/inputs';
import { useSession } from '../kit/session';
import { toast } from '../kit/toast/toasts';
import { paths } from '../paths';
import { ContextFieldInputs, everywhere, type FieldForm, inputOf } from './ContextFieldInputs';
import { useContextFieldRefusals } from './can';
import { createContextField } from './queries';

export function CreateContextField({ project, onClose }: { project: string | undefined; onClose: () => void }) {
  const queries = useQueryClient();
  const router = useRouter();
  const { projects } = useSession();
  const refusals = useContextFieldRefusals();
  const mine = projects.filter(({ id }) => !refusals.create(id));
  const first = project ?? (refusals.create() && mine[0] ? mine[0].id : everywhere);
  const form = useForm<FieldForm>({
    defaultValues: { name: '', project: first, description: '', stickiness: false, legalValues: [] },
  });
  const place = form.watch('project');
  return (
    <FormDialog
      title="Create context field"
      verb="Create context field"
      size="medium"
      form={form}
      disabledReason={refusals.create(place === everywhere ? null : place)}
      onClose={onClose}
      onSent={() => void router.navigate(paths.contextField(form.getValues('name')))}
      act={async (values) => {
        const { name, project } = values;
        await createContextField({ name, ...inputOf(values), ...(project === everywhere ? {} : { project }) });
        await refresh(queries, [{ kind: 'context-field', id: name }]);
        toast(`Context field ${name} is created.`);
      }}
    >
      <TextInput
        control={form.control}
        name="name"
        label="Name"
        autoFocus
        required
        rules={needed('A name')}
        description="As applications send it, for instance companyId. It cannot be changed later."
      />
      <SelectInput
        control={form.control}
        name="project"
        label="For"
        options={[
          { value: everywhere, label: 'All projects' },
          ...projects.map(({ id, name }) => ({ value: id, label: `Only ${name}` })),
        ]}
      />
      <ContextFieldInputs control={form.control} />
    </FormDialog>
  );
}
