import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, SelectInput, TextInput } from '../kit/form/inputs';
import { ProjectsInput } from '../kit/form/ProjectsInput';
import { toast } from '../kit/toast/toasts';
import { useEnvironmentRefusal } from './can';
import { environmentQuery } from './queries';
import { typeOptions } from './types';

type Clone = { name: string; type: string; projects: string[] | null };

export function CloneEnvironment({ name: original, onClose }: { name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(environmentQuery(original));
  const form = useForm<Clone>({
    defaultValues: { name: `${original}-copy`, type: data.value.type, projects: null },
  });
  return (
    <FormDialog
      title={`Clone environment ${original}`}
      verb="Clone environment"
      form={form}
      disabledReason={useEnvironmentRefusal()}
      onClose={onClose}
      act={async ({ projects, ...body }) => {
        await answered(
          api.POST('/api/admin/environments/{name}/clone', {
            params: { path: { name: original } },
            body: projects === null ? body : { ...body, projects },
          }),
        );
        await refresh(queries, [{ kind: 'environment', id: body.name }]);
        toast(`Environment ${body.name} is created as a copy of ${original}.`);
      }}
    >
      <p className="text-soft">
        The copy has every feature’s strategies, variants and switches as they are in {original} now. Later changes stay
        apart. Tokens are not copied.
      </p>
      <TextInput control={form.control} name="name" label="Name" autoFocus required rules={needed('A name')} />
      <SelectInput control={form.control} name="type" label="Type" options={typeOptions(data.value.type)} />
      <ProjectsInput
        control={form.control}
        name="projects"
        label="Copy the features of"
        all={`All projects that have ${original}`}
      />
    </FormDialog>
  );
}
