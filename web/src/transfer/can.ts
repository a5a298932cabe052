import { useRefusal } from '../kit/session';

/**
 * As in `crates/flagstone-model/src/commands/transfer.rs`. What an import needs besides depends on its data: its
 * validation tells.
 */
export function useTransferRefusals() {
  const refusal = useRefusal();
  return { importInto: (project: string) => refusal('UPDATE_FEATURE', project) };
}
