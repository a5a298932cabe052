import { useRefusal } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/features.rs`. */
export function useFeatureRefusals(project?: string) {
  const refusal = useRefusal();
  return {
    create: refusal('CREATE_FEATURE', project),
    update: refusal('UPDATE_FEATURE', project),
    archive: refusal('DELETE_FEATURE', project),
    depend: refusal('UPDATE_FEATURE_DEPENDENCY', project),
    addStrategy: (environment: string) => refusal('CREATE_FEATURE_STRATEGY', project, environment),
    updateStrategy: (environment: string) => refusal('UPDATE_FEATURE_STRATEGY', project, environment),
    deleteStrategy: (environment: string) => refusal('DELETE_FEATURE_STRATEGY', project, environment),
    updateVariants: (environment: string) => refusal('UPDATE_FEATURE_ENVIRONMENT_VARIANTS', project, environment),
  };
}
