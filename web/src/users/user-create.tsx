import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { RadioInput, SwitchInput, TextInput } from '../kit/form/inputs';
import { nameOf } from '../kit/people';
import { ShownOnce } from '../kit/ShownOnce';
import { useSession } from '../kit/session';
import { useUserRefusals } from './can';
import { usersQuery } from './queries';
import { roleOptions } from './role-options';

export function CreateUser({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(usersQuery);
  const { config } = useSession();
  const refusals = useUserRefusals();
  const [made, setMade] = useState<Schemas['CreatedUser']>();
  const viewer = data.rootRoles.find(({ name }) => name === 'Viewer') ?? data.rootRoles[0];
  const form = useForm({
    defaultValues: { name: '', email: '', username: '', rootRole: String(viewer?.id ?? ''), sendEmail: true },
  });

  if (made)
    return (
      <ShownOnce title={`${nameOf(made)} is added`} text={made.inviteLink} what="invitation link" onClose={onClose}>
        <p>
          {made.emailSent ? 'The link is on its way by mail as well. ' : ''}
          With it {nameOf(made)} sets a password and can sign in. It works once, for a day; later you can make another
          one.
        </p>
      </ShownOnce>
    );

  return (
    <FormDialog
      title="Add user"
      verb="Add user"
      form={form}
      disabledReason={refusals.change}
      onClose={onClose}
      onSent={() => {}}
      act={async ({ name, email, username, rootRole, sendEmail }) => {
        const user = await answered(
          api.POST('/api/admin/user-admin', {
            body: {
              rootRole: Number(rootRole),
              sendEmail: config.emailEnabled && sendEmail,
              ...(name ? { name } : {}),
              ...(email ? { email } : {}),
              ...(username ? { username } : {}),
            },
          }),
        );
        await refresh(queries, [{ kind: 'user', id: String(user.id) }]);
        setMade(user);
      }}
    >
      <TextInput control={form.control} name="name" label="Name" autoFocus />
      <TextInput
        control={form.control}
        name="email"
        label="E-mail address"
        type="email"
        description="To sign in with. This or a user name is needed."
        rules={{
          validate: (email) =>
            email || form.getValues('username') ? true : 'An e-mail address or a user name is needed.',
        }}
      />
      <TextInput control={form.control} name="username" label="User name" description="Another name to sign in with." />
      <RadioInput control={form.control} name="rootRole" label="Role" options={roleOptions(data.rootRoles)} />
      {config.emailEnabled && (
        <SwitchInput control={form.control} name="sendEmail" label="Send the invitation by mail" />
      )}
    </FormDialog>
  );
}
