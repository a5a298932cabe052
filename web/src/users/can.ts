import { may, useRefusal, useSession } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/users.rs`: users are the administrators' business. */
export function useUserRefusals() {
  const refused = useRefusal()('ADMIN');
  const session = useSession();
  return {
    change: refused,
    delete: (id: number) =>
      refused ?? (id === session.user.id ? 'This is you. Another administrator can do it.' : undefined),
  };
}

/** Whether one may look at users at all. */
export function useMaySeeUsers() {
  return may(useSession(), 'ADMIN');
}
