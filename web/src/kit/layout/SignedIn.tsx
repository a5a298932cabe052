import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Navigate, useRouter } from '@tanstack/react-router';
import { answered, api } from '../../api/client';
import { bootstrapQuery, SessionProvider } from '../session';
import { toastError } from '../toast/toasts';
import { Shell } from './Shell';

/** Gives every page below it the session. */
export function SignedIn() {
  const { data } = useSuspenseQuery(bootstrapQuery);
  const queries = useQueryClient();
  const router = useRouter();
  if (!data.session) return <Navigate to="/sign-in" search={{}} />;

  async function signOut() {
    try {
      await answered(api.POST('/logout'));
    } catch (error) {
      toastError(error);
      return;
    }
    queries.clear();
    await router.navigate({ to: '/sign-in', search: {} });
  }

  return (
    <SessionProvider session={data.session}>
      <Shell onSignOut={() => void signOut()} />
    </SessionProvider>
  );
}
