import { useRefusal } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/environments.rs`: all of it is for administrators. */
export function useEnvironmentRefusal() {
  return useRefusal()('ADMIN');
}
