import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../../api/client';
import { refresh } from '../../api/live';
import { ExpiryInput } from '../form/ExpiryInput';
import { inDays } from '../form/expiry';
import { FormDialog } from '../form/FormDialog';
import { toast } from '../toast/toasts';
import { useTokenRefusals } from './can';

/** Moves a token's end. */
export function EditToken({ token, onClose }: { token: Schemas['ApiToken']; onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useTokenRefusals();
  const form = useForm({ defaultValues: { expiresAt: token.expiresAt ?? inDays(365) } });
  return (
    <FormDialog
      title={`Change the expiry of ${token.tokenName}`}
      verb="Save"
      form={form}
      disabledReason={refusals.update(token)}
      onClose={onClose}
      act={async (body) => {
        await answered(api.PUT('/api/admin/api-tokens/{token}', { params: { path: { token: token.secret } }, body }));
        await refresh(queries, [{ kind: 'api-token', id: '' }]);
        toast(`The expiry of ${token.tokenName} is changed.`);
      }}
    >
      <p className="text-soft">
        SDKs that use the token are refused from then on. One that has an end cannot be made to last for ever.
      </p>
      <ExpiryInput
        control={form.control}
        name="expiresAt"
        label="Expires"
        days={[7, 30, 90, 365]}
        first={token.expiresAt ? 'day' : 365}
      />
    </FormDialog>
  );
}
