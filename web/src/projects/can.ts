import { useRefusal } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/projects.rs`. */
export function useProjectRefusals(project?: string) {
  const refusal = useRefusal();
  return {
    create: refusal('CREATE_PROJECT'),
    update: refusal('UPDATE_PROJECT', project),
    delete: refusal('DELETE_PROJECT', project),
    defaultStrategy: refusal(['UPDATE_PROJECT', 'PROJECT_DEFAULT_STRATEGY_WRITE'], project),
    createFeature: refusal('CREATE_FEATURE', project),
  };
}
