import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, SwitchInput, TextInput } from '../kit/form/inputs';
import { paths } from '../paths';

export function CloneFeature({ feature, onClose }: { feature: Schemas['Feature']; onClose: () => void }) {
  const queries = useQueryClient();
  const router = useRouter();
  const form = useForm({ defaultValues: { name: `${feature.name}-copy`, replaceGroupId: true } });
  return (
    <FormDialog
      title={`Clone ${feature.name}`}
      verb="Clone feature"
      form={form}
      onClose={onClose}
      act={async (body) => {
        await answered(
          api.POST('/api/admin/projects/{projectId}/features/{featureName}/clone', {
            params: { path: { projectId: feature.project, featureName: feature.name } },
            body,
          }),
        );
        await refresh(queries, [{ kind: 'feature', id: body.name, project: feature.project }]);
        await router.navigate(paths.feature(feature.project, body.name));
      }}
    >
      <p className="text-soft">The copy has the same strategies in all environments and is off everywhere.</p>
      <TextInput control={form.control} name="name" label="Name" mono autoFocus required rules={needed('A name')} />
      <SwitchInput
        control={form.control}
        name="replaceGroupId"
        label="Rollout groups of its own"
        description="Otherwise the copy’s rollouts admit the same people as the original’s."
      />
    </FormDialog>
  );
}
