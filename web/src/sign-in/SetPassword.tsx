import { useQuery } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { errorText } from '../api/errors';
import { send } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { linkClass } from '../kit/layout/Page';
import { nameOf, passwordRule } from '../kit/people';
import { toast } from '../kit/toast/toasts';
import { paths } from '../paths';
import { Note, Waiting } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Frame } from './Frame';

/** Sets a password by the secret of a link, of a new user or of one who forgot it. */
export function SetPassword({ token, title, verb }: { token: string; title: string; verb: string }) {
  const router = useRouter();
  const form = useForm({ defaultValues: { password: '' } });
  const [fault, setFault] = useState<string>();
  const owner = useQuery({
    queryKey: ['reset', token],
    queryFn: () => answered(api.GET('/auth/reset/validate', { params: { query: { token } } })),
    retry: false,
  });

  async function submit() {
    setFault(undefined);
    const { sent, fault } = await send(form, ({ password }) =>
      answered(api.POST('/auth/reset/password', { body: { token, password } })),
    );
    if (!sent) return setFault(fault);
    toast('The password is set. Sign in with it.');
    await router.navigate(paths.signIn());
  }

  if (owner.isPending) return <Waiting />;
  if (owner.isError) {
    return (
      <Frame title={title}>
        <Note tone="bad">{errorText(owner.error)}</Note>
        <p>A link works once and for a limited time. Ask for a new one.</p>
        <Link {...paths.signIn()} className={linkClass}>
          Back to signing in
        </Link>
      </Frame>
    );
  }
  return (
    <Frame title={title}>
      <p className="text-soft">For {nameOf(owner.data)}.</p>
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
          description={passwordRule}
          autoFocus
          rules={needed('A password')}
        />
        {fault && <Note tone="bad">{fault}</Note>}
        <Button type="submit" kind="primary" isPending={form.formState.isSubmitting}>
          {verb}
        </Button>
      </form>
    </Frame>
  );
}
