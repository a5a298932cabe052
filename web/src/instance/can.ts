import { useRefusal } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/installation.rs`. */
export function useInstanceRefusals() {
  const refusal = useRefusal();
  return {
    maintenance: refusal('UPDATE_MAINTENANCE_MODE'),
    cors: refusal('UPDATE_CORS'),
  };
}
