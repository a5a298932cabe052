import { queryOptions } from '@tanstack/react-query';
import { createContext, type ReactNode, use } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { kinds } from '../api/live';

type SignedIn = Schemas['BootstrapSignedIn'];

/** Who is signed in, and what nearly every page needs. */
export type Session = Pick<
  SignedIn,
  'user' | 'permissions' | 'splash' | 'projects' | 'environments' | 'choosePassword' | 'revision' | 'version'
> & { config: Schemas['UiConfig'] };

/** What the sign-in page can offer. */
export type SignInOffer = Schemas['SignIn'];

/** One of the two is there. */
export type Beginning = { session: Session; offer?: undefined } | { session?: undefined; offer: SignInOffer };

export const bootstrapQuery = queryOptions({
  queryKey: ['bootstrap'],
  queryFn: async (): Promise<Beginning> => {
    const answer = await answered(api.GET('/auth/bootstrap'));
    if ('signIn' in answer) return { offer: answer.signIn };
    return { session: { ...answer, config: answer.uiConfig } };
  },
  staleTime: Number.POSITIVE_INFINITY,
  meta: { touchedBy: kinds('project', 'environment', 'favorites', 'user', 'role', 'setting') },
});

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function useSession(): Session {
  const session = use(SessionContext);
  if (session === null) throw new Error('This page is for people who are signed in.');
  return session;
}

/** Nothing, or why it may not be done: shown on the button that is then disabled. */
export type Refusal = string | undefined;

/**
 * Mirrors `permissions::allowed` of the server: a permission counts everywhere, or in the project, or in the project's
 * environment that it names. Where no project is named, it is enough to have it in one.
 */
export function may(session: Session, permission: string, project?: string, environment?: string): boolean {
  return session.permissions.some(
    (held) =>
      held.permission === 'ADMIN' ||
      (held.permission === permission &&
        (project === undefined || !held.project || held.project === '*' || held.project === project) &&
        (environment === undefined ||
          !held.environment ||
          held.environment === '*' ||
          held.environment === environment)),
  );
}

/**
 * Why this person may not; nothing when they may, by any of the permissions. The server decides, this only says so
 * beforehand.
 */
export function refusal(
  session: Session,
  permission: string | string[],
  project?: string,
  environment?: string,
): Refusal {
  if (session.config.maintenanceMode && !may(session, 'ADMIN'))
    return 'Flagstone is in maintenance mode: nothing can be changed.';
  const any = typeof permission === 'string' ? [permission] : permission;
  if (any.some((one) => may(session, one, project, environment))) return undefined;
  if (permission === 'ADMIN') return 'Only administrators may do this. Ask one of them.';
  const where = [project && `in project ${project}`, environment && `for ${environment}`].filter(Boolean).join(' ');
  return `You lack the permission ${any.join(' or ')}${where ? ` ${where}` : ''}. An administrator can give it to you.`;
}

/** `refusal` for the person who is signed in. */
export function useRefusal(): (permission: string | string[], project?: string, environment?: string) => Refusal {
  const session = useSession();
  return (permission, project, environment) => refusal(session, permission, project, environment);
}
