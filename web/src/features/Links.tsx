import { useQueryClient } from '@tanstack/react-query';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { linkClass } from '../kit/layout/Page';
import { toastError } from '../kit/toast/toasts';
import { Card } from '../ui/Bits';
import { Button, IconButton } from '../ui/Button';
import { useFeatureRefusals } from './can';

/** Where else the feature is spoken of: a ticket, a design, a dashboard. */
export function Links({ feature }: { feature: Schemas['Feature'] }) {
  const queries = useQueryClient();
  const { update: refused } = useFeatureRefusals(feature.project);
  const [adding, setAdding] = useState(false);
  const path = { projectId: feature.project, featureName: feature.name };
  const touched = () => refresh(queries, [{ kind: 'feature', id: feature.name, project: feature.project }]);

  async function remove(linkId: string) {
    await answered(
      api.DELETE('/api/admin/projects/{projectId}/features/{featureName}/link/{linkId}', {
        params: { path: { ...path, linkId } },
      }),
    );
    await touched();
  }

  return (
    <Card
      title="Links"
      actions={
        <Button disabledReason={refused} onPress={() => setAdding(true)}>
          Add link
        </Button>
      }
    >
      {feature.links.length === 0 && <p className="text-soft">No links yet: a ticket, a design, a dashboard.</p>}
      <ul>
        {feature.links.map(({ id, title, url }) => (
          <li key={id} className="flex items-center justify-between gap-2">
            <a href={url} target="_blank" rel="noreferrer" className={linkClass}>
              {title || url}
            </a>
            <IconButton
              label={`Remove link ${title || url}`}
              icon={<Trash2 size={14} />}
              disabledReason={refused}
              onPress={() => void remove(id).catch(toastError)}
            />
          </li>
        ))}
      </ul>
      {adding && <AddLink path={path} touched={touched} onClose={() => setAdding(false)} />}
    </Card>
  );
}

function AddLink({
  path,
  touched,
  onClose,
}: {
  path: { projectId: string; featureName: string };
  touched: () => Promise<void>;
  onClose: () => void;
}) {
  const form = useForm({ defaultValues: { url: '', title: '' } });
  return (
    <FormDialog
      title="Add link"
      verb="Add link"
      form={form}
      onClose={onClose}
      act={async ({ url, title }) => {
        await answered(
          api.POST('/api/admin/projects/{projectId}/features/{featureName}/link', {
            params: { path },
            body: { url, ...(title ? { title } : {}) },
          }),
        );
        await touched();
      }}
    >
      <TextInput
        control={form.control}
        name="url"
        label="Address"
        type="url"
        placeholder="https://"
        autoFocus
        required
        rules={needed('An address')}
      />
      <TextInput control={form.control} name="title" label="Title" />
    </FormDialog>
  );
}
