import { useRefusal } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/segments.rs`. */
export function useSegmentRefusals(project?: string) {
  const refusal = useRefusal();
  // Segments of a project can be changed by those who may do so there.
  const either = (permission: string) =>
    project === undefined ? refusal(permission) : refusal([permission, 'UPDATE_PROJECT_SEGMENT'], project);
  return {
    create: refusal(['CREATE_SEGMENT', 'UPDATE_PROJECT_SEGMENT']),
    update: either('UPDATE_SEGMENT'),
    delete: either('DELETE_SEGMENT'),
  };
}
