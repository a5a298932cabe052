import { useSuspenseQuery } from '@tanstack/react-query';
import { Navigate } from '@tanstack/react-router';
import { answered, api } from '../../api/client';
import { Confirmations } from '../confirm/confirm';
import { bootstrapQuery, SessionProvider } from '../session';
import { toastError } from '../toast/toasts';
import { leave } from './leave';
import { Shell } from './Shell';

/** Gives every page below it the session. */
export function SignedIn() {
  const { data } = useSuspenseQuery(bootstrapQuery);
  if (!data.session) return <Navigate to="/sign-in" search={{}} />;

  async function signOut() {
    try {
      await answered(api.POST('/logout', { parseAs: 'text' }));
    } catch (error) {
      toastError(error);
      return;
    }
    leave();
  }

  return (
    <SessionProvider session={data.session}>
      <Shell onSignOut={() => void signOut()} />
      <Confirmations />
    </SessionProvider>
  );
}
