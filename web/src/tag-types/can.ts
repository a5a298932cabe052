import { useRefusal } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/tag_types.rs`. */
export function useTagTypeRefusals() {
  const refusal = useRefusal();
  return {
    create: refusal('CREATE_TAG_TYPE'),
    update: refusal('UPDATE_TAG_TYPE'),
    delete: refusal('DELETE_TAG_TYPE'),
  };
}
