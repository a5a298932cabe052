import type { Schemas } from '../api/client';
import { grouped } from '../kit/grouped';

/** A permission, and the environments that it is limited to. */
export type Held = { permission: string; environments: string[] };
export type Places = { everywhere: string[]; projects: { project: string; held: Held[] }[] };

/** What somebody may do, place by place. */
export function byPlace(permissions: Schemas['UserPermission'][]): Places {
  const everywhere = permissions.filter(({ project }) => !project).map(({ permission }) => permission);
  const inProjects = grouped(
    permissions.filter(({ project }) => project),
    ({ project }) => project ?? '',
  );
  return {
    everywhere: [...new Set(everywhere)],
    projects: [...inProjects].map(([project, of]) => ({
      project,
      held: [...grouped(of, ({ permission }) => permission)].map(([permission, places]) => ({
        permission,
        environments: places.flatMap(({ environment }) => environment ?? []),
      })),
    })),
  };
}
