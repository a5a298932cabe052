import { useRefusal, useSession } from '../kit/session';

/** As in `crates/flagstone-model/src/commands/context_fields.rs`. */
export function useContextFieldRefusals() {
  const refusal = useRefusal();
  const { projects } = useSession();

  /** For all projects it takes the permission itself; a project's own fields are also its members' business. */
  function either(permission: string, project: string | null | undefined) {
    const refused = refusal(permission);
    return refused && project ? refusal('UPDATE_PROJECT_CONTEXT', project) : refused;
  }

  return {
    create: (project?: string | null) => either('CREATE_CONTEXT_FIELD', project),
    /** In no project either. */
    createAnywhere: projects.some(({ id }) => !either('CREATE_CONTEXT_FIELD', id))
      ? undefined
      : refusal('CREATE_CONTEXT_FIELD'),
    update: (project?: string | null) => either('UPDATE_CONTEXT_FIELD', project),
    delete: (project?: string | null) => either('DELETE_CONTEXT_FIELD', project),
  };
}
