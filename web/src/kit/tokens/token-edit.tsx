import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch, type Schemas } from '../../api/client';
import { refresh } from '../../api/live';
import { ExpiryInput } from '../form/ExpiryInput';
import { useEdit } from '../form/edit';
import { inDays } from '../form/expiry';
import { FormDialog } from '../form/FormDialog';
import { toast } from '../toast/toasts';
import { useTokenRefusals } from './can';
import { apiTokenQuery } from './queries';

const fieldsOf = ({ tokens: [token] }: Schemas['ApiTokens']) => ({ expiresAt: token?.expiresAt ?? '' });

/** Moves a token's end. */
export function EditToken({ token, onClose }: { token: Schemas['ApiToken']; onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useTokenRefusals();
  const { data } = useSuspenseQuery(apiTokenQuery(token.secret));
  const form = useForm({ defaultValues: { expiresAt: fieldsOf(data.value).expiresAt || inDays(365) } });
  const edit = useEdit(form, data, fieldsOf);
  const begun = form.formState.defaultValues?.expiresAt;
  return (
    <FormDialog
      title={`Change the expiry of ${token.tokenName}`}
      verb="Save"
      form={form}
      disabledReason={refusals.update(token)}
      onClose={onClose}
      act={(body) =>
        edit.save(async (etag) => {
          const params = { path: { token: token.secret } };
          await answered(api.PUT('/api/admin/api-tokens/{token}', { params, body, headers: ifMatch(etag) }));
          await refresh(queries, [{ kind: 'api-token', id: '' }]);
          toast(`The expiry of ${token.tokenName} is changed.`);
        })
      }
    >
      {edit.conflict}
      <p className="text-soft">
        SDKs that use the token are refused from then on. One that has an end cannot be made to last for ever.
      </p>
      <ExpiryInput
        key={begun}
        control={form.control}
        name="expiresAt"
        label="Expires"
        days={[7, 30, 90, 365]}
        first={token.expiresAt ? 'day' : 365}
      />
    </FormDialog>
  );
}
