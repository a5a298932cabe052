import { useRefusal } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/feature_types.rs`. */
export function useFeatureTypeRefusal() {
  return useRefusal()('ADMIN');
}
