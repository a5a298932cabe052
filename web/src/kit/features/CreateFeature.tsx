import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useForm } from 'react-hook-form';
import { answered, api } from '../../api/client';
import { refresh } from '../../api/live';
import { paths } from '../../paths';
import { FormDialog } from '../form/FormDialog';
import { needed, SelectInput, SwitchInput, TextInput } from '../form/inputs';

import { featureTypesQuery, projectQuery } from '../queries';
import { refusal, type Session, useSession } from '../session';

/** Makes a feature, in the project that is given or else chosen, and goes to it. */
export function CreateFeature({ project, name, onClose }: { project?: string; name?: string; onClose: () => void }) {
  const queries = useQueryClient();
  const router = useRouter();
  const session = useSession();
  const { data: types } = useQuery(featureTypesQuery);
  const form = useForm({
    defaultValues: {
      name: name ?? '',
      project: project ?? usualProject(session),
      description: '',
      type: 'release',
      impressionData: false,
    },
  });
  const chosen = form.watch('project');
  const type = types?.types.find(({ id }) => id === form.watch('type'));
  const { data: naming } = useQuery({
    ...projectQuery(chosen),
    select: ({ value }) => value.featureNaming,
    enabled: chosen !== '',
  });

  return (
    <FormDialog
      title="Create feature"
      verb="Create feature"
      form={form}
      disabledReason={refusal(session, 'CREATE_FEATURE', chosen)}
      onClose={onClose}
      act={async ({ project: projectId, ...body }) => {
        await answered(api.POST('/api/admin/projects/{projectId}/features', { params: { path: { projectId } }, body }));
        await refresh(queries, [{ kind: 'feature', id: body.name, project: projectId }]);
        await router.navigate(paths.feature(projectId, body.name));
      }}
    >
      <TextInput
        control={form.control}
        name="name"
        label="Name"
        autoFocus
        required
        mono
        description={
          naming?.pattern
            ? `${naming.description ?? 'Names in this project follow a pattern:'} ${naming.example ? `For example ${naming.example}` : naming.pattern}`
            : 'As it will stand in code. It cannot be changed later.'
        }
        rules={needed('A name')}
      />
      {!project && (
        <SelectInput
          control={form.control}
          name="project"
          label="Project"
          options={session.projects.map(({ id, name }) => ({ value: id, label: name }))}
        />
      )}
      <TextInput control={form.control} name="description" label="Description" rows={2} />
      <SelectInput
        control={form.control}
        name="type"
        label="Type"
        description={
          type &&
          `${type.description} ${type.lifetimeDays ? `Expected to live ${type.lifetimeDays} days.` : 'Expected to stay.'}`
        }
        options={(types?.types ?? [{ id: 'release', name: 'Release' }]).map(({ id, name }) => ({
          value: id,
          label: name,
        }))}
      />
      <SwitchInput
        control={form.control}
        name="impressionData"
        label="Impression data"
        description="SDKs raise an event in the application for each evaluation, for analytics."
      />
    </FormDialog>
  );
}

/** Where somebody creates features unless they say: the default project, else the first in which they may. */
function usualProject(session: Session): string {
  const allowed = session.projects.filter(({ id }) => !refusal(session, 'CREATE_FEATURE', id));
  return (allowed.find(({ id }) => id === 'default') ?? allowed[0] ?? session.projects[0])?.id ?? '';
}
