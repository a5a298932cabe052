import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { SelectInput, TextInput } from '../kit/form/inputs';
import { featureTypesQuery } from '../kit/queries';
import { toast } from '../kit/toast/toasts';
import { paths } from '../paths';
import { useUnknownFlagRefusals } from './can';

/** Creates the feature that SDKs ask for already. */
export function CreateAskedFeature({ name, onClose }: { name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const refusals = useUnknownFlagRefusals();
  const { data } = useSuspenseQuery(featureTypesQuery);
  const form = useForm({
    defaultValues: { project: refusals.projects[0]?.id ?? '', type: 'release', description: '' },
  });
  return (
    <FormDialog
      title={`Create feature ${name}`}
      verb="Create feature"
      form={form}
      disabledReason={refusals.create}
      onClose={onClose}
      act={async ({ project, type, description }) => {
        const body = { name, type, description };
        await answered(
          api.POST('/api/admin/projects/{projectId}/features', { params: { path: { projectId: project } }, body }),
        );
        await refresh(queries, [{ kind: 'feature', id: name, project }]);
        toast(`Feature ${name} is created.`);
        await navigate(paths.feature(project, name));
      }}
    >
      <p className="text-soft">
        It begins switched off everywhere. SDKs that ask for it are then told that it is off, where they have answered
        with their code’s default so far.
      </p>
      <SelectInput
        control={form.control}
        name="project"
        label="Project"
        options={refusals.projects.map(({ id, name }) => ({ value: id, label: name }))}
      />
      <SelectInput
        control={form.control}
        name="type"
        label="Type"
        options={data.types.map(({ id, name, description }) => ({ value: id, label: name, description }))}
      />
      <TextInput control={form.control} name="description" label="Description" rows={2} />
    </FormDialog>
  );
}
