import { useQuery } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { errorText } from '../api/errors';
import { send } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { linkClass } from '../kit/layout/Page';
import { passwordRule } from '../kit/people';
import { toast } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Note, Waiting } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Frame } from './Frame';
import { SetPassword } from './SetPassword';

/** Where invitations lead: a user who was made sets a password, a sign-up link makes a user. */
export function NewUserPage() {
  const [{ token, invite }] = useUrl<{ token?: string; invite?: string }>();
  if (token) return <SetPassword token={token} title="Welcome" verb="Set password" />;
  return <SignUp invite={invite ?? ''} />;
}

function SignUp({ invite }: { invite: string }) {
  const router = useRouter();
  const form = useForm({ defaultValues: { email: '', name: '', password: '' } });
  const [fault, setFault] = useState<string>();
  const link = useQuery({
    queryKey: ['invite', invite],
    queryFn: () =>
      answered(api.GET('/invite/{token}/validate', { params: { path: { token: invite } } })).then(() => true),
    retry: false,
  });

  async function submit() {
    setFault(undefined);
    const { sent, fault } = await send(form, (body) =>
      answered(api.POST('/invite/{token}/signup', { params: { path: { token: invite } }, body })),
    );
    if (!sent) return setFault(fault);
    toast('Your account is there. Sign in with it.');
    await router.navigate(paths.signIn());
  }

  if (link.isPending) return <Waiting />;
  if (link.isError) {
    return (
      <Frame title="Sign up">
        <Note tone="bad">{errorText(link.error)}</Note>
        <Link {...paths.signIn()} className={linkClass}>
          Back to signing in
        </Link>
      </Frame>
    );
  }
  return (
    <Frame title="Sign up">
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
          name="name"
          label="Name"
          autoComplete="name"
          autoFocus
          rules={needed('A name')}
        />
        <TextInput
          control={form.control}
          name="email"
          label="E-mail address"
          type="email"
          autoComplete="email"
          rules={needed('An address')}
        />
        <TextInput
          control={form.control}
          name="password"
          label="Password"
          type="password"
          autoComplete="new-password"
          description={passwordRule}
          rules={needed('A password')}
        />
        {fault && <Note tone="bad">{fault}</Note>}
        <Button type="submit" kind="primary" isPending={form.formState.isSubmitting}>
          Sign up
        </Button>
      </form>
    </Frame>
  );
}
