import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, ifMatch, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { RadioInput, TextInput } from '../kit/form/inputs';
import { nameOf } from '../kit/people';
import { useSession } from '../kit/session';
import { Note } from '../ui/Bits';
import { useUserRefusals } from './can';
import { userQuery, usersQuery } from './queries';
import { roleOptions } from './role-options';

const formOf = ({ name, email, rootRole }: Schemas['User']) => ({
  name: name ?? '',
  email: email ?? '',
  rootRole: String(rootRole ?? ''),
});

export function EditUser({ id, onClose }: { id: number; onClose: () => void }) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(userQuery(id));
  const { data: all } = useSuspenseQuery(usersQuery);
  const { user: me } = useSession();
  const refusals = useUserRefusals();
  const form = useForm({ defaultValues: formOf(data.value) });
  const edit = useEdit(form, data, formOf);
  const losesOwn = id === me.id && form.watch('rootRole') !== String(data.value.rootRole);
  return (
    <FormDialog
      title={`Edit ${nameOf(data.value)}`}
      verb="Save"
      form={form}
      disabledReason={refusals.change}
      onClose={onClose}
      act={({ name, email, rootRole }) =>
        edit.save(async (etag) => {
          await answered(
            api.PUT('/api/admin/user-admin/{id}', {
              params: { path: { id } },
              body: { name, email, rootRole: Number(rootRole) },
              headers: ifMatch(etag),
            }),
          );
          await refresh(queries, [{ kind: 'user', id: String(id) }]);
        })
      }
    >
      {edit.conflict}
      <TextInput control={form.control} name="name" label="Name" autoFocus />
      <TextInput
        control={form.control}
        name="email"
        label="E-mail address"
        type="email"
        rules={{
          validate: (email) => (email || !data.value.email ? true : 'The address can be changed, but not taken away.'),
        }}
      />
      <RadioInput control={form.control} name="rootRole" label="Role" options={roleOptions(all.rootRoles)} />
      {losesOwn && <Note tone="warn">This is you: you lose what the role until now lets you do.</Note>}
    </FormDialog>
  );
}
