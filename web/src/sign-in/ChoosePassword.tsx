import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { send } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { passwordRule } from '../kit/people';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Frame } from './Frame';

/** The first thing after signing in with a password that the server has made up. */
export function ChoosePassword({ oldPassword, onDone }: { oldPassword: string; onDone: () => void }) {
  const form = useForm({ defaultValues: { password: '' } });
  const [fault, setFault] = useState<string>();

  async function submit() {
    setFault(undefined);
    const { sent, fault } = await send(form, ({ password }) =>
      answered(
        api.POST('/api/admin/user/change-password', { body: { password, confirmPassword: password, oldPassword } }),
      ),
    );
    if (sent) onDone();
    else setFault(fault);
  }

  return (
    <Frame title="Choose your password">
      <p className="text-soft">
        The server made up and printed the one that you signed in with. Choose one that only you know.
      </p>
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <TextInput
          control={form.control}
          name="password"
          label="New password"
          type="password"
          autoComplete="new-password"
          autoFocus
          description={passwordRule}
          rules={needed('A password')}
        />
        {fault && <Note tone="bad">{fault}</Note>}
        <Button type="submit" kind="primary" isPending={form.formState.isSubmitting}>
          Set password
        </Button>
        <Button kind="quiet" onPress={onDone}>
          Later
        </Button>
      </form>
    </Frame>
  );
}
