import { Link } from '@tanstack/react-router';
import { paths } from '../paths';
import { linkClass } from './layout/Page';
import { useSession } from './session';

/** What a project is called; its id where one does not see it. */
export function useProjectName(): (id: string) => string {
  const { projects } = useSession();
  return (id) => projects.find((project) => project.id === id)?.name ?? id;
}

/** A project by its name. */
export function ProjectLink({ id }: { id: string }) {
  const nameOf = useProjectName();
  return (
    <Link {...paths.project(id)} className={linkClass}>
      {nameOf(id)}
    </Link>
  );
}
