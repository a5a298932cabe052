import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { linkClass } from '../kit/layout/Page';
import { useSession } from '../kit/session';
import { paths } from '../paths';
import { Card } from '../ui/Bits';

const mostShown = 12;

export function MyFeatures({ features }: { features: Schemas['HomeFlag'][] }) {
  const { user } = useSession();
  return (
    <Card
      title="Features you have made"
      actions={
        features.length > 0 && (
          <>
            <Link
              {...paths.features({ createdBy: String(user.id), state: 'stale' })}
              className={`${linkClass} text-sm`}
            >
              Stale ones
            </Link>
            <Link {...paths.features({ createdBy: String(user.id) })} className={`${linkClass} text-sm`}>
              All {features.length}
            </Link>
          </>
        )
      }
    >
      {features.length === 0 ? (
        <p className="text-soft">None yet. What you create is found here again.</p>
      ) : (
        <ul className="grid gap-x-4 gap-y-1.5 sm:grid-cols-2">
          {features.slice(0, mostShown).map(({ name, project }) => (
            <li key={name} className="min-w-0">
              <Link {...paths.feature(project, name)} className={linkClass}>
                {name}
              </Link>{' '}
              <span className="text-sm text-soft">{project}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
