import { useRefusal } from '../kit/session';

/** As `delete` in `crates/flagstone-server/src/admin/applications.rs`. */
export function useApplicationRefusals() {
  return { delete: useRefusal()('UPDATE_APPLICATION') };
}
