import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { ExpiryInput } from '../kit/form/ExpiryInput';
import { inDays } from '../kit/form/expiry';
import { FormDialog } from '../kit/form/FormDialog';
import { toast } from '../kit/toast/toasts';
import { useInvitationRefusal } from './can';

export function ExtendInvitation({ link, onClose }: { link: Schemas['SignupLink']; onClose: () => void }) {
  const queries = useQueryClient();
  const refusal = useInvitationRefusal();
  const form = useForm({ defaultValues: { expiresAt: inDays(7) } });
  return (
    <FormDialog
      title={`Change the expiry of ${link.name}`}
      verb="Save"
      form={form}
      disabledReason={refusal}
      onClose={onClose}
      act={async (body) => {
        await answered(
          api.PUT('/api/admin/invite-link/tokens/{token}', { params: { path: { token: link.secret } }, body }),
        );
        await refresh(queries, [{ kind: 'signup-link', id: link.secret }]);
        toast(`The expiry of ${link.name} is changed.`);
      }}
    >
      <ExpiryInput control={form.control} name="expiresAt" label="Expires" days={[1, 7, 30]} first={7} />
      <p className="text-sm text-soft">At most 30 days from now.</p>
    </FormDialog>
  );
}
