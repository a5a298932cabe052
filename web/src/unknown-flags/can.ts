import { may, type Refusal, refusal, useSession } from '../kit/session';

/** As `create` in `crates/flagstone-model/src/commands/features.rs`: in one of the projects, at least. */
export function useUnknownFlagRefusals(): { create: Refusal } {
  const session = useSession();
  const project = session.projects.find(({ id }) => may(session, 'CREATE_FEATURE', id));
  if (project) return { create: refusal(session, 'CREATE_FEATURE', project.id) };
  return { create: 'You lack the permission CREATE_FEATURE in every project. An owner of one can give it to you.' };
}
