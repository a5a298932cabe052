import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useParams, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { FeatureFrame, useFeature } from '../kit/features/FeatureFrame';
import { useEdit } from '../kit/form/edit';
import { send } from '../kit/form/FormDialog';
import { SelectInput, SwitchInput, TextInput } from '../kit/form/inputs';
import { featureTypesQuery } from '../kit/queries';
import { toast, toastError } from '../kit/toast/toasts';
import { paths } from '../paths';
import { Card, Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { SelectField } from '../ui/Fields';
import { useFeatureRefusals } from './can';
import { Dependencies } from './Dependencies';
import { CloneFeature } from './feature-clone';
import { Links } from './Links';
import { Tags } from './Tags';

type Feature = Schemas['Feature'];

export function FeatureSettingsPage() {
  const { projectId, featureName } = useParams({
    from: '/signed-in/projects/$projectId/features/$featureName/settings',
  });
  const { feature, tags, etag } = useFeature(projectId, featureName);
  return (
    <FeatureFrame projectId={projectId} featureName={featureName}>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="flex flex-col gap-4">
          <General feature={feature} etag={etag} />
          <Lifecycle feature={feature} />
        </div>
        <div className="flex flex-col gap-4">
          <Tags feature={feature} tags={tags} />
          <Dependencies feature={feature} />
          <Links feature={feature} />
          <Fate feature={feature} />
        </div>
      </div>
    </FeatureFrame>
  );
}

const fieldsOf = ({ description, type, impressionData }: Feature) => ({
  description: description ?? '',
  type,
  impressionData,
});

function General({ feature, etag }: { feature: Feature; etag: string | null }) {
  const queries = useQueryClient();
  const { update: refused } = useFeatureRefusals(feature.project);
  const { data: types } = useSuspenseQuery(featureTypesQuery);
  const form = useForm({ defaultValues: fieldsOf(feature) });
  const edit = useEdit(form, { value: feature, etag }, fieldsOf);
  const [fault, setFault] = useState<string>();

  async function submit() {
    const { sent, fault } = await send(form, (body) =>
      edit.save(async (etag) => {
        await answered(
          api.PUT('/api/admin/projects/{projectId}/features/{featureName}', {
            params: { path: { projectId: feature.project, featureName: feature.name } },
            body,
            headers: ifMatch(etag),
          }),
        );
        await refresh(queries, [{ kind: 'feature', id: feature.name, project: feature.project }]);
      }),
    );
    setFault(fault);
    if (sent) toast('The feature is saved.');
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
        <TextInput control={form.control} name="description" label="Description" rows={3} />
        <SelectInput
          control={form.control}
          name="type"
          label="Type"
          options={types.types.map(({ id, name, description }) => ({ value: id, label: name, description }))}
        />
        <SwitchInput
          control={form.control}
          name="impressionData"
          label="Impression data"
          description="SDKs raise an event in the application for each evaluation, for analytics."
        />
        {fault && <Note tone="bad">{fault}</Note>}
        <div>
          <Button type="submit" kind="primary" isPending={form.formState.isSubmitting} disabledReason={refused}>
            Save feature
          </Button>
        </div>
      </form>
    </Card>
  );
}

const outcomes = [
  { value: 'kept', label: 'Kept: the feature stays in the code' },
  { value: 'discarded', label: 'Discarded: the feature is taken out' },
] as const;

function Lifecycle({ feature }: { feature: Feature }) {
  const queries = useQueryClient();
  const { update: refused } = useFeatureRefusals(feature.project);
  const [outcome, setOutcome] = useState<'kept' | 'discarded'>('kept');
  const path = { projectId: feature.project, featureName: feature.name };
  const touched = () => refresh(queries, [{ kind: 'feature', id: feature.name, project: feature.project }]);
  const { stage, status } = feature.lifecycle;

  async function complete() {
    await answered(
      api.POST('/api/admin/projects/{projectId}/features/{featureName}/lifecycle/complete', {
        params: { path },
        body: { status: outcome },
      }),
    );
    await touched();
  }

  async function reopen() {
    await answered(
      api.POST('/api/admin/projects/{projectId}/features/{featureName}/lifecycle/uncomplete', { params: { path } }),
    );
    await touched();
  }

  async function mark(stale: boolean) {
    await answered(
      api.POST('/api/admin/projects/{projectId}/stale', {
        params: { path: { projectId: feature.project } },
        body: { features: [feature.name], stale },
      }),
    );
    await touched();
  }

  return (
    <Card title="Life">
      <div className="flex flex-col items-start gap-3">
        <p>
          In stage <strong>{stage}</strong>
          {status && <> ({status})</>}. {feature.stale ? 'It is marked as stale: its code waits to be cleaned up.' : ''}
        </p>
        {stage === 'completed' ? (
          <Button disabledReason={refused} onPress={() => void reopen().catch(toastError)}>
            Not completed after all
          </Button>
        ) : (
          <div className="flex flex-wrap items-end gap-2">
            <SelectField
              label="How it ended"
              value={outcome}
              onChange={setOutcome}
              options={[...outcomes]}
              className="w-80"
            />
            <Button disabledReason={refused} onPress={() => void complete().catch(toastError)}>
              Mark as completed
            </Button>
          </div>
        )}
        <Button disabledReason={refused} onPress={() => void mark(!feature.stale).catch(toastError)}>
          {feature.stale ? 'Mark as active' : 'Mark as stale'}
        </Button>
      </div>
    </Card>
  );
}

function Fate({ feature }: { feature: Feature }) {
  const queries = useQueryClient();
  const router = useRouter();
  const refusals = useFeatureRefusals(feature.project);
  const [cloning, setCloning] = useState(false);
  const on = feature.environments.filter(({ enabled }) => enabled);

  function askToArchive() {
    confirm({
      title: `Archive ${feature.name}`,
      verb: 'Archive feature',
      danger: true,
      body: (
        <>
          <p>
            SDKs no longer find it and use their defaults. It can be revived from the archive; its name stays taken.
          </p>
          {on.length > 0 && <Note tone="warn">It is on in {on.map(({ name }) => name).join(', ')}.</Note>}
          {feature.children.length > 0 && (
            <Note tone="warn">Other features depend on it: {feature.children.join(', ')}.</Note>
          )}
        </>
      ),
      act: async () => {
        await answered(
          api.DELETE('/api/admin/projects/{projectId}/features/{featureName}', {
            params: { path: { projectId: feature.project, featureName: feature.name } },
          }),
        );
        await router.navigate(paths.project(feature.project));
        await refresh(queries, [{ kind: 'feature', id: feature.name, project: feature.project }]);
        toast(`${feature.name} is in the archive.`);
      },
    });
  }

  return (
    <Card title="Clone and archive">
      <div className="flex flex-wrap gap-2">
        <Button disabledReason={refusals.create} onPress={() => setCloning(true)}>
          Clone feature
        </Button>
        <Button kind="danger" disabledReason={refusals.archive} onPress={askToArchive}>
          Archive feature
        </Button>
      </div>
      {cloning && <CloneFeature feature={feature} onClose={() => setCloning(false)} />}
    </Card>
  );
}
