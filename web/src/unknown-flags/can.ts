import { may, refusal, useSession } from '../kit/session';

/** As `create` in `crates/flagstone-model/src/commands/features.rs`: in one of the projects, at least. */
export function useUnknownFlagRefusals() {
  const session = useSession();
  const projects = session.projects.filter(({ id }) => may(session, 'CREATE_FEATURE', id));
  return {
    /** Those in which a feature may be created. */
    projects,
    create:
      projects.length > 0
        ? refusal(session, 'CREATE_FEATURE', projects[0]?.id)
        : 'You lack the permission CREATE_FEATURE in every project. An owner of one can give it to you.',
  };
}
