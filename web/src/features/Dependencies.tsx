import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Trash2 } from 'lucide-react';
import { Suspense, useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, SelectInput } from '../kit/form/inputs';
import { linkClass } from '../kit/layout/Page';
import { toastError } from '../kit/toast/toasts';
import { paths } from '../paths';
import { Card, Note } from '../ui/Bits';
import { Button, IconButton } from '../ui/Button';
import { Checkbox } from '../ui/Fields';
import { useFeatureRefusals } from './can';
import { parentsQuery, parentVariantsQuery } from './queries';

/** Features that have to be on, off, or on with a variant, for this one to be on. */
export function Dependencies({ feature }: { feature: Schemas['Feature'] }) {
  const queries = useQueryClient();
  const { depend: refused } = useFeatureRefusals(feature.project);
  const [adding, setAdding] = useState(false);
  const path = { projectId: feature.project, featureName: feature.name };

  async function remove(parent: string) {
    await answered(
      api.DELETE('/api/admin/projects/{projectId}/features/{featureName}/dependencies/{parent}', {
        params: { path: { ...path, parent } },
      }),
    );
    await refresh(queries, [{ kind: 'feature', id: feature.name, project: feature.project }]);
  }

  return (
    <Card
      title="Dependencies"
      actions={
        <Button
          disabledReason={
            refused ??
            (feature.children.length > 0 && 'Other features depend on this one: it cannot depend on another.')
          }
          onPress={() => setAdding(true)}
        >
          Add dependency
        </Button>
      }
    >
      {feature.dependencies.length === 0 && <p className="text-soft">It depends on no other feature.</p>}
      <ul>
        {feature.dependencies.map((dependency) => (
          <li key={dependency.feature} className="flex items-center justify-between gap-2">
            <span>
              <Link {...paths.feature(feature.project, dependency.feature)} className={linkClass}>
                {dependency.feature}
              </Link>{' '}
              {dependency.enabled
                ? dependency.variants?.length
                  ? `on with ${dependency.variants.join(' or ')}`
                  : 'has to be on'
                : 'has to be off'}
            </span>
            <IconButton
              label={`Remove dependency on ${dependency.feature}`}
              icon={<Trash2 size={14} />}
              disabledReason={refused}
              onPress={() => void remove(dependency.feature).catch(toastError)}
            />
          </li>
        ))}
      </ul>
      {feature.children.length > 0 && <p className="mt-2">Needed by {feature.children.join(', ')}.</p>}
      <Suspense fallback={null}>{adding && <AddDependency path={path} onClose={() => setAdding(false)} />}</Suspense>
    </Card>
  );
}

type Way = 'on' | 'off' | 'variants';

function AddDependency({ path, onClose }: { path: { projectId: string; featureName: string }; onClose: () => void }) {
  const queries = useQueryClient();
  const { data: parents } = useSuspenseQuery(parentsQuery(path.projectId, path.featureName));
  const form = useForm({ defaultValues: { feature: '', way: 'on' as Way, variants: [] as string[] } });
  const { feature, way, variants } = form.watch();
  const { data: known } = useQuery({ ...parentVariantsQuery(path.projectId, feature), enabled: feature !== '' });

  return (
    <FormDialog
      title="Add dependency"
      verb="Add dependency"
      form={form}
      onClose={onClose}
      act={async ({ feature, way, variants }) => {
        await answered(
          api.POST('/api/admin/projects/{projectId}/features/{featureName}/dependencies', {
            params: { path },
            body: { feature, enabled: way !== 'off', ...(way === 'variants' ? { variants } : {}) },
          }),
        );
        await refresh(
          queries,
          [path.featureName, feature].map((id) => ({ kind: 'feature', id, project: path.projectId })),
        );
      }}
    >
      {parents.length === 0 && <Note>No other feature of this project can be depended on.</Note>}
      <SelectInput
        control={form.control}
        name="feature"
        label="Feature"
        options={parents.map((name) => ({ value: name, label: name }))}
        rules={needed('A feature')}
      />
      <SelectInput
        control={form.control}
        name="way"
        label="Has to be"
        options={[
          { value: 'on', label: 'On' },
          { value: 'off', label: 'Off' },
          { value: 'variants', label: 'On with one of some variants', disabled: (known ?? []).length === 0 },
        ]}
      />
      {way === 'variants' && (
        <fieldset className="flex flex-col gap-1">
          <legend className="mb-1 text-sm font-medium">Variants</legend>
          {(known ?? []).map((name) => (
            <Checkbox
              key={name}
              checked={variants.includes(name)}
              onChange={(checked) =>
                form.setValue('variants', checked ? [...variants, name] : variants.filter((one) => one !== name))
              }
            >
              {name}
            </Checkbox>
          ))}
        </fieldset>
      )}
    </FormDialog>
  );
}
