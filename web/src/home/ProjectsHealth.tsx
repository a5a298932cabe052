import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { Favorite } from '../kit/features/Favorite';
import { linkClass } from '../kit/layout/Page';
import { paths } from '../paths';
import { Bar, Card } from '../ui/Bits';
import { Explained } from '../ui/Tooltip';

const mostShown = 10;

/** Projects, favourites first, each with how much of it is still in use. */
export function ProjectsHealth({ projects }: { projects: Schemas['HomeProject'][] }) {
  return (
    <Card
      title="Projects"
      actions={
        <Link {...paths.projects()} className={`${linkClass} text-sm`}>
          All projects
        </Link>
      }
    >
      <ul className="flex flex-col gap-1">
        {projects.slice(0, mostShown).map(({ id, name, health, featureCount, favorite }) => (
          <li key={id} className="flex items-center gap-2">
            <Favorite project={id} favorite={favorite} />
            <Link {...paths.project(id)} className={`${linkClass} min-w-0 flex-1`}>
              {name}
            </Link>
            <span className="text-sm whitespace-nowrap text-soft">
              {featureCount} {featureCount === 1 ? 'feature' : 'features'}
            </span>
            <Explained text="Health: the share of features that are neither stale nor likely to be.">
              <span className="inline-flex items-center gap-1.5 text-sm whitespace-nowrap">
                <Bar percent={health} tone={health >= 80 ? 'good' : health >= 50 ? 'warn' : 'bad'} />
                <span className="w-10 text-right">{health} %</span>
              </span>
            </Explained>
          </li>
        ))}
      </ul>
    </Card>
  );
}
