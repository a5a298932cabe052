import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { send } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { linkClass } from '../kit/layout/Page';
import { bootstrapQuery } from '../kit/session';
import { paths } from '../paths';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Frame } from './Frame';

export function ForgottenPasswordPage() {
  const { data } = useSuspenseQuery(bootstrapQuery);
  const form = useForm({ defaultValues: { email: '' } });
  const [fault, setFault] = useState<string>();
  const [asked, setAsked] = useState(false);

  async function submit() {
    setFault(undefined);
    const { sent, fault } = await send(form, (body) => answered(api.POST('/auth/reset/password-email', { body })));
    setAsked(sent);
    setFault(fault);
  }

  return (
    <Frame title="Forgotten password">
      {!data.offer?.passwordReset ? (
        <p>This server sends no mail. Ask an administrator for a link with which you can set a new password.</p>
      ) : asked ? (
        <Note tone="good">If somebody here has this address, a link is on its way to it. It works once.</Note>
      ) : (
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
            name="email"
            label="E-mail address"
            type="email"
            autoComplete="email"
            autoFocus
            rules={needed('An address')}
          />
          {fault && <Note tone="bad">{fault}</Note>}
          <Button type="submit" kind="primary" isPending={form.formState.isSubmitting}>
            Send link
          </Button>
        </form>
      )}
      <Link {...paths.signIn()} className={linkClass}>
        Back to signing in
      </Link>
    </Frame>
  );
}
