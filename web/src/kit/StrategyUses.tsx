import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { paths } from '../paths';
import { EnvironmentName } from './EnvironmentName';
import { grouped } from './grouped';
import { linkClass } from './layout/Page';
import { useSession } from './session';

type StrategyUse = Schemas['StrategyUse'];

/** The features whose strategies use a thing, each with the environments in which they do. */
export function StrategyUses({ uses }: { uses: StrategyUse[] }) {
  const { environments, projects } = useSession();
  const byFeature = grouped(uses, (use) => use.featureName);
  return (
    <ul className="divide-y">
      {[...byFeature].map(([feature, of]) => {
        const project = of[0]?.projectId ?? '';
        const within = new Set(of.map((use) => use.environment));
        return (
          <li key={feature} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-1.5">
            <Link {...paths.feature(project, feature)} className={linkClass}>
              {feature}
            </Link>
            <span className="text-sm text-soft">in {projects.find(({ id }) => id === project)?.name ?? project}</span>
            <span className="ml-auto flex flex-wrap gap-1">
              {[...within].map((name) => (
                <EnvironmentName
                  key={name}
                  name={name}
                  type={environments.find((environment) => environment.name === name)?.type ?? ''}
                />
              ))}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
