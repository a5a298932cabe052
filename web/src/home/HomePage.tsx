import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { EventRow } from '../kit/events/EventRow';
import type { LoggedEvent } from '../kit/events/words';
import { linkClass, Page } from '../kit/layout/Page';
import { nameOf } from '../kit/people';
import { useSession } from '../kit/session';
import { paths } from '../paths';
import { Card } from '../ui/Bits';
import { buttonClass } from '../ui/Button';
import { Connections } from './Connections';
import { Favorites } from './Favorites';
import { FirstSteps } from './FirstSteps';
import { MyFeatures } from './MyFeatures';
import { NeedsYou } from './NeedsYou';
import { ProjectsHealth } from './ProjectsHealth';
import { homeQuery } from './queries';

export function HomePage() {
  const { user } = useSession();
  const { data: home } = useSuspenseQuery(homeQuery);

  return (
    <Page
      title="Home"
      about={`What concerns you, ${nameOf(user)}.`}
      actions={
        <Link {...paths.features({ dialog: 'create' })} className={buttonClass('primary')}>
          <Plus size={15} aria-hidden="true" />
          Create feature
        </Link>
      }
    >
      {home.features === 0 && <FirstSteps />}
      <div className="grid items-start gap-4 lg:grid-cols-[3fr_2fr]">
        <div className="flex flex-col gap-4">
          <NeedsYou home={home} />
          <LatestChanges events={home.latestEvents} />
        </div>
        <div className="flex flex-col gap-4">
          <Connections connections={home.connections} />
          <ProjectsHealth projects={home.projects} />
          <Favorites favorites={home.favorites} />
          <MyFeatures features={home.flags} />
          <Card title="Whom to ask">
            <p className="mb-2 text-soft">Administrators give permissions, and settle what others cannot.</p>
            <ul className="flex flex-wrap gap-x-4 gap-y-1">
              {home.admins.map((admin) => (
                <li key={admin.id}>
                  {admin.email ? (
                    <a href={`mailto:${admin.email}`} className={linkClass}>
                      {nameOf(admin)}
                    </a>
                  ) : (
                    nameOf(admin)
                  )}
                </li>
              ))}
            </ul>
          </Card>
        </div>
      </div>
    </Page>
  );
}

function LatestChanges({ events }: { events: LoggedEvent[] }) {
  return (
    <section className="flex flex-col gap-2" aria-labelledby="latest-changes">
      <div className="flex flex-wrap items-baseline justify-between gap-2">
        <h2 id="latest-changes" className="font-semibold">
          Latest changes
        </h2>
        <Link {...paths.events()} className={`${linkClass} text-sm`}>
          All events
        </Link>
      </div>
      {events.length === 0 ? (
        <p className="rounded-lg border border-dashed px-4 py-6 text-center text-soft">
          Nothing has happened yet in what you may see.
        </p>
      ) : (
        <ol className="divide-y rounded-lg border bg-surface">
          {events.map((event) => (
            <EventRow key={event.id} event={event} where relative />
          ))}
        </ol>
      )}
    </section>
  );
}
