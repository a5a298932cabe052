import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { ExpiryInput } from '../kit/form/ExpiryInput';
import { inDays } from '../kit/form/expiry';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { ShownOnce } from '../kit/ShownOnce';

export function CreatePersonalToken({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [made, setMade] = useState<Schemas['PersonalToken']>();
  const form = useForm({ defaultValues: { description: '', expiresAt: inDays(30) } });

  if (made)
    return (
      <ShownOnce
        title={`Personal token ${made.description}`}
        text={made.secret ?? ''}
        what="personal token"
        onClose={onClose}
      >
        <p>
          Scripts send it as <code className="font-mono text-sm">Authorization</code> header to the admin API. They may
          do then what you may do, and the events name you.
        </p>
      </ShownOnce>
    );

  return (
    <FormDialog
      title="Create personal token"
      verb="Create personal token"
      form={form}
      onClose={onClose}
      onSent={() => {}}
      act={async (body) => {
        const token = await answered(api.POST('/api/admin/user/tokens', { body }));
        await refresh(queries, [{ kind: 'personal-token', id: String(token.id) }]);
        setMade(token);
      }}
    >
      <TextInput
        control={form.control}
        name="description"
        label="Description"
        autoFocus
        required
        rules={needed('A description')}
        description="The script or tool that will use it."
      />
      <ExpiryInput control={form.control} name="expiresAt" label="Expires" days={[7, 30, 90, 365]} first={30} />
    </FormDialog>
  );
}
