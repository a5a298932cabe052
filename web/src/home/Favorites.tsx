import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { linkClass } from '../kit/layout/Page';
import { paths } from '../paths';
import { Badge, Card } from '../ui/Bits';
import { Time } from '../ui/Time';

/** The features that somebody has marked. */
export function Favorites({ favorites }: { favorites: Schemas['HomeFavorite'][] }) {
  return (
    <Card title="Favourite features">
      {favorites.length === 0 && <p className="text-soft">None yet. The star beside a feature puts it here.</p>}
      <ul className="flex flex-col gap-1">
        {favorites.map(({ name, project, stale, lastSeenAt }) => (
          <li key={name} className="flex flex-wrap items-baseline gap-x-2">
            <Link {...paths.feature(project, name)} className={linkClass}>
              {name}
            </Link>
            {stale && <Badge tone="warn">stale</Badge>}
            <span className="text-sm text-soft">
              {project}, last seen <Time at={lastSeenAt} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
