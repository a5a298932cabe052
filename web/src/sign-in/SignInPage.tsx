import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { send } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { linkClass } from '../kit/layout/Page';
import { bootstrapQuery } from '../kit/session';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { ChoosePassword } from './ChoosePassword';
import { Frame } from './Frame';

export function SignInPage() {
  const { data } = useSuspenseQuery(bootstrapQuery);
  const [{ next }] = useUrl<{ next?: string }>();
  const [choosing, setChoosing] = useState(false);
  const queries = useQueryClient();
  const router = useRouter();
  const { offer } = data;
  const form = useForm({ defaultValues: { username: offer?.adminName ?? '', password: '' } });
  const [fault, setFault] = useState<string>();

  async function goOn() {
    // Only an address of this very UI: what a link says is not to be trusted.
    await (next?.startsWith('/') && !next.startsWith('//')
      ? router.navigate({ href: next, replace: true })
      : router.navigate({ ...paths.home(), replace: true }));
  }

  async function submit() {
    setFault(undefined);
    const { sent, fault } = await send(form, async (body) => {
      await answered(api.POST('/auth/simple/login', { body }));
    });
    if (!sent) return setFault(fault);
    const { session } = await queries.fetchQuery({ ...bootstrapQuery, staleTime: 0 });
    if (session?.choosePassword) setChoosing(true);
    else await goOn();
  }

  if (choosing) return <ChoosePassword oldPassword={form.getValues('password')} onDone={() => void goOn()} />;
  return (
    <Frame title="Sign in">
      {offer?.firstRun && (
        <Note>
          Nobody has signed in here yet. The server printed the administrator’s password when it first started, unless
          it was started with one.
        </Note>
      )}
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
          name="username"
          label="User name or e-mail address"
          autoComplete="username"
          autoFocus={!offer?.adminName}
          rules={needed('A name')}
        />
        <TextInput
          control={form.control}
          name="password"
          label="Password"
          type="password"
          autoComplete="current-password"
          autoFocus={Boolean(offer?.adminName)}
          rules={needed('The password')}
        />
        {fault && <Note tone="bad">{fault}</Note>}
        <Button type="submit" kind="primary" isPending={form.formState.isSubmitting}>
          Sign in
        </Button>
      </form>
      <Link {...paths.forgottenPassword()} className={linkClass}>
        I forgot my password
      </Link>
    </Frame>
  );
}
