import { Link } from '@tanstack/react-router';
import { CircleCheck } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Schemas } from '../api/client';
import { linkClass } from '../kit/layout/Page';
import { paths } from '../paths';
import { Badge, Card } from '../ui/Bits';
import { Time } from '../ui/Time';

const mostShown = 5;

/** What somebody should look at: features of theirs that have outlived their use, and names that no feature has. */
export function NeedsYou({ home }: { home: Schemas['Home'] }) {
  const stale = home.flags.filter((flag) => flag.stale);
  const aging = home.flags.filter((flag) => flag.potentiallyStale && !flag.stale);
  const idle = home.flags.filter((flag) =>
    flag.environments.some(
      ({ enabled, hasStrategies, hasEnabledStrategies }) => enabled && hasStrategies && !hasEnabledStrategies,
    ),
  );
  const nothing = stale.length + aging.length + idle.length + home.unknownFlagCount === 0;
  return (
    <Card title="What needs you">
      {nothing && (
        <p className="flex items-center gap-2">
          <CircleCheck size={16} aria-hidden="true" className="text-good" /> Nothing just now.
        </p>
      )}
      <ul className="flex flex-col gap-2">
        <Flags flags={idle} tone="bad" mark="on, but nobody gets it" />
        <Flags flags={stale} tone="warn" mark="stale" />
        <Flags flags={aging} tone="neutral" mark="older than its type expects" />
        {home.unknownFlags.slice(0, mostShown).map(({ name, appNames, lastSeenAt }) => (
          <Row key={name} mark={<Badge tone="warn">unknown</Badge>}>
            <span className="font-medium">{name}</span> is asked for by {appNames.join(', ')}, last{' '}
            <Time at={lastSeenAt} />
          </Row>
        ))}
      </ul>
      {home.unknownFlagCount > 0 && (
        <Link {...paths.unknownFlags()} className={`${linkClass} mt-2 inline-block text-sm`}>
          {home.unknownFlagCount === 1 ? 'The unknown flag' : `All ${home.unknownFlagCount} unknown flags`}
        </Link>
      )}
    </Card>
  );
}

function Flags({
  flags,
  tone,
  mark,
}: {
  flags: Schemas['HomeFlag'][];
  tone: 'warn' | 'bad' | 'neutral';
  mark: string;
}) {
  return (
    <>
      {flags.slice(0, mostShown).map(({ name, project, lastSeenAt }) => (
        <Row key={name} mark={<Badge tone={tone}>{mark}</Badge>}>
          <Link {...paths.feature(project, name)} className={linkClass}>
            {name}
          </Link>{' '}
          <span className="text-soft">
            in {project}, last seen <Time at={lastSeenAt} />
          </span>
        </Row>
      ))}
      {flags.length > mostShown && (
        <li className="text-sm text-soft">
          and {flags.length - mostShown} more that are {mark}
        </li>
      )}
    </>
  );
}

function Row({ mark, children }: { mark: ReactNode; children: ReactNode }) {
  return (
    <li className="flex flex-wrap items-baseline gap-x-2">
      {mark}
      <span className="min-w-0">{children}</span>
    </li>
  );
}
