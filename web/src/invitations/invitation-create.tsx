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
import { exactTime } from '../ui/Time';
import { useInvitationRefusal } from './can';

export function CreateInvitation({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const refusal = useInvitationRefusal();
  const [made, setMade] = useState<Schemas['SignupLink']>();
  const form = useForm({ defaultValues: { name: '', expiresAt: inDays(7) } });

  if (made)
    return (
      <ShownOnce title={`Invitation ${made.name}`} text={made.url ?? ''} what="invitation" onClose={onClose}>
        <p>
          Whoever has the link can sign up with it, until {exactTime(new Date(made.expiresAt))} or until you switch it
          off.
        </p>
      </ShownOnce>
    );

  return (
    <FormDialog
      title="Create invitation"
      verb="Create invitation"
      form={form}
      disabledReason={refusal}
      onClose={onClose}
      onSent={() => {}}
      act={async (body) => {
        const link = await answered(api.POST('/api/admin/invite-link/tokens', { body }));
        await refresh(queries, [{ kind: 'signup-link', id: link.secret }]);
        setMade(link);
      }}
    >
      <TextInput
        control={form.control}
        name="name"
        label="Name"
        autoFocus
        required
        rules={needed('A name')}
        description="For whom it is, as the people of a team."
      />
      <ExpiryInput control={form.control} name="expiresAt" label="Expires" days={[1, 7, 30]} first={7} />
      <p className="text-sm text-soft">
        At most 30 days from now. Whoever signs up becomes a Viewer: they look at everything that is not private. You
        can give them another role afterwards.
      </p>
    </FormDialog>
  );
}
