import { useRefusal } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/integrations.rs`; deliveries as in the server's `admin/integrations.rs`. */
export function useIntegrationRefusals() {
  const refusal = useRefusal();
  return {
    create: refusal('CREATE_ADDON'),
    update: refusal('UPDATE_ADDON'),
    delete: refusal('DELETE_ADDON'),
    deliveries: refusal('ADMIN'),
  };
}
