import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useParams, useRouter } from '@tanstack/react-router';
import { Suspense, useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { useEdit } from '../kit/form/edit';
import { send } from '../kit/form/FormDialog';
import { needed, RadioInput, SelectInput, TextInput } from '../kit/form/inputs';
import { ProjectFrame } from '../kit/ProjectFrame';
import { projectContextFieldsQuery, projectQuery } from '../kit/queries';
import { toast } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Card, Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { useProjectRefusals } from './can';
import { DefaultStrategy } from './DefaultStrategy';
import { ProjectEnvironments } from './ProjectEnvironments';
import { modeOptions } from './project-create';

type Overview = Schemas['ProjectOverview'];

export function ProjectSettingsPage() {
  const { projectId } = useParams({ from: '/signed-in/projects/$projectId/settings' });
  const [{ dialog, environment }, setUrl] = useUrl<{ dialog?: string; environment?: string }>();
  return (
    <ProjectFrame projectId={projectId}>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <General projectId={projectId} />
        <div className="flex flex-col gap-4">
          <ProjectEnvironments projectId={projectId} />
          <Fate projectId={projectId} />
        </div>
      </div>
      <Suspense fallback={null}>
        {dialog === 'default-strategy' && environment && (
          <DefaultStrategy
            projectId={projectId}
            environment={environment}
            onClose={() => setUrl({ dialog: '', environment: '' })}
          />
        )}
      </Suspense>
    </ProjectFrame>
  );
}

const fieldsOf = ({ name, description, mode, defaultStickiness, featureNaming, featureLimit }: Overview) => ({
  name,
  description: description ?? '',
  mode,
  defaultStickiness,
  featureLimit: featureLimit ? String(featureLimit) : '',
  pattern: featureNaming.pattern ?? '',
  example: featureNaming.example ?? '',
  namingDescription: featureNaming.description ?? '',
});

function General({ projectId }: { projectId: string }) {
  const queries = useQueryClient();
  const { update: refused } = useProjectRefusals(projectId);
  const { data } = useSuspenseQuery(projectQuery(projectId));
  const [asksFields, setAsksFields] = useState(false);
  const { data: fields } = useQuery({ ...projectContextFieldsQuery(projectId), enabled: asksFields });
  const form = useForm({ defaultValues: fieldsOf(data.value) });
  const edit = useEdit(form, data, fieldsOf);
  const [fault, setFault] = useState<string>();
  const stickiness = new Set([
    'default',
    'userId',
    'sessionId',
    'random',
    data.value.defaultStickiness,
    ...(fields ?? []).filter((field) => field.stickiness).map(({ name }) => name),
  ]);

  async function submit() {
    const { sent, fault } = await send(form, ({ pattern, example, namingDescription, featureLimit, ...body }) =>
      edit.save(async (etag) => {
        await answered(
          api.PUT('/api/admin/projects/{projectId}', {
            params: { path: { projectId } },
            body: {
              ...body,
              featureLimit: featureLimit ? Number(featureLimit) : null,
              featureNaming: pattern ? { pattern, example, description: namingDescription } : null,
            },
            headers: ifMatch(etag),
          }),
        );
        await refresh(queries, [{ kind: 'project', id: projectId }]);
      }),
    );
    setFault(fault);
    if (sent) toast('The project is saved.');
  }

  return (
    <Card title="General">
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!refused) void submit();
        }}
      >
        {edit.conflict}
        <TextInput control={form.control} name="name" label="Name" required rules={needed('A name')} />
        <TextInput control={form.control} name="description" label="Description" rows={3} />
        <RadioInput control={form.control} name="mode" label="Who sees and changes it" options={modeOptions} />
        <SelectInput
          control={form.control}
          name="defaultStickiness"
          label="Stickiness of new strategies"
          onOpen={() => setAsksFields(true)}
          options={[...stickiness].map((name) => ({ value: name, label: name }))}
        />
        <TextInput
          control={form.control}
          name="featureLimit"
          label="Most features"
          description="No more can be created than these. Empty for any number."
          rules={{ validate: (value) => /^\d*$/.test(String(value)) || 'A whole number, or nothing.' }}
        />
        <TextInput
          control={form.control}
          name="pattern"
          label="Pattern for names of features"
          mono
          description="A regular expression that the whole name has to match, as ^web-[a-z-]+$. Features that are there already keep theirs."
        />
        <TextInput control={form.control} name="example" label="An example of such a name" mono />
        <TextInput control={form.control} name="namingDescription" label="What the pattern means" rows={2} />
        {fault && <Note tone="bad">{fault}</Note>}
        <div>
          <Button type="submit" kind="primary" isPending={form.formState.isSubmitting} disabledReason={refused}>
            Save project
          </Button>
        </div>
      </form>
    </Card>
  );
}

function Fate({ projectId }: { projectId: string }) {
  const queries = useQueryClient();
  const router = useRouter();
  const refusals = useProjectRefusals(projectId);
  const { data } = useSuspenseQuery(projectQuery(projectId));
  const features = data.value.featureTypeCounts.reduce((sum, { count }) => sum + count, 0);

  function askToArchive() {
    confirm({
      title: `Archive project ${data.value.name}`,
      verb: 'Archive project',
      danger: true,
      body: (
        <p>
          It is out of sight with its archived features. It can be revived, or deleted for good, from the archive of
          projects.
        </p>
      ),
      act: async () => {
        await answered(api.POST('/api/admin/projects/archive/{projectId}', { params: { path: { projectId } } }));
        await router.navigate(paths.projects());
        await refresh(queries, [{ kind: 'project', id: projectId }]);
        toast(`Project ${data.value.name} is in the archive.`);
      },
    });
  }

  return (
    <Card title="Archive">
      <p className="mb-3 text-soft">A project without features can be archived.</p>
      <Button
        kind="danger"
        disabledReason={
          refusals.delete ||
          (projectId === 'default' && 'The default project stays.') ||
          (features > 0 && `It has ${features} features: archive them first.`)
        }
        onPress={askToArchive}
      >
        Archive project
      </Button>
    </Card>
  );
}
