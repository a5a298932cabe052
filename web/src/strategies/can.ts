import type { Schemas } from '../api/client';
import { useRefusal } from '../kit/session';

const builtIn = 'It is built in: every SDK knows it as it is.';

/** As in `crates/flagstone-model/src/commands/strategy_types.rs`. */
export function useStrategyRefusals() {
  const refusal = useRefusal();
  return {
    create: refusal('CREATE_STRATEGY'),
    /** Also built-in ones can be deprecated. */
    deprecate: refusal('UPDATE_STRATEGY'),
    update: ({ editable }: Schemas['StrategyDefinition']) => (editable ? refusal('UPDATE_STRATEGY') : builtIn),
    delete: ({ editable }: Schemas['StrategyDefinition']) => (editable ? refusal('DELETE_STRATEGY') : builtIn),
  };
}
