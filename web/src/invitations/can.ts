import { may, useRefusal, useSession } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/signup_links.rs`: all of it is for administrators. */
export function useInvitationRefusal() {
  return useRefusal()('ADMIN');
}

export function useMaySeeInvitations() {
  return may(useSession(), 'ADMIN');
}
