import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { ApiError } from '../api/errors';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { TextInput } from '../kit/form/inputs';
import { useSession } from '../kit/session';
import { useInstanceRefusals } from './can';

const textOf = (origins: string[]) => origins.join('\n');
const originsOf = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** What is wrong with one entry of the list is wrong with the field. */
function toTheField(error: unknown): never {
  if (!(error instanceof ApiError) || error.details.length === 0) throw error;
  throw new ApiError(error.status, { details: [{ message: error.message, path: '/body/origins' }] });
}

export function EditCors({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useInstanceRefusals();
  const { config } = useSession();
  const text = textOf(config.frontendApiOrigins);
  const form = useForm({ defaultValues: { origins: text } });
  // The list itself tells whether it is still what the form began from.
  const edit = useEdit(form, { value: text, etag: text }, (origins) => ({ origins }));

  return (
    <FormDialog
      title="Edit origins"
      verb="Save"
      form={form}
      disabledReason={refusals.cors}
      onClose={onClose}
      act={({ origins }) =>
        edit.save(async () => {
          const body = { frontendApiOrigins: originsOf(origins) };
          await answered(api.POST('/api/admin/ui-config/cors', { body })).catch(toTheField);
          await refresh(queries, [{ kind: 'setting', id: 'unleash.frontend' }]);
        })
      }
    >
      {edit.conflict}
      <TextInput
        control={form.control}
        name="origins"
        label="Origins"
        rows={6}
        mono
        autoFocus
        placeholder="https://shop.example.com"
        description="One a line, each with its scheme: https://shop.example.com. A single * stands for all."
      />
    </FormDialog>
  );
}
