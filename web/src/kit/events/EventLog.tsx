import { useSuspenseQuery } from '@tanstack/react-query';
import { type ReactNode, useDeferredValue } from 'react';
import { Button } from '../../ui/Button';
import { cx } from '../../ui/cx';
import { Empty } from '../Empty';
import { Paging } from '../table/Paging';
import { useUrl } from '../url';
import { EventFilters } from './EventFilters';
import { EventRow } from './EventRow';
import { type EventSearch, eventsQuery, pageOf, pageSize } from './queries';
import type { LoggedEvent } from './words';

export type EventLogProps = {
  /** What the page is about: filters for it are not offered. */
  of?: { project?: string; feature?: string };
  /** Shown while nothing has happened at all. */
  empty: ReactNode;
};

/** The log, or the part of it that concerns a project or a feature. Filters and page are in the address. */
export function EventLog({ of = {}, empty }: EventLogProps) {
  const [search, setUrl] = useUrl<EventSearch>();
  const wanted = useDeferredValue({ ...search, ...of });
  const { data } = useSuspenseQuery(eventsQuery(wanted));
  const { page: _, ...filters } = search;
  const isFiltered = Object.keys(filters).length > 0;
  if (data.total === 0 && !isFiltered) return empty;

  function clear() {
    const nothing = { feature: '', project: '', environment: '', type: '', createdBy: '', from: '', to: '', query: '' };
    setUrl({ ...nothing, id: '', page: '' });
  }

  return (
    <div className="flex flex-col gap-3">
      <EventFilters
        search={search}
        events={data.events}
        of={of}
        onChange={(change) => setUrl({ page: '', ...change })}
        onClear={clear}
      />
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Paging
          page={pageOf(search)}
          size={pageSize}
          total={data.total}
          onPage={(page) => setUrl({ page: page === 1 ? '' : String(page) }, 'push')}
        />
      </div>
      {data.events.length === 0 ? (
        <Empty title="No event fits" action={<Button onPress={clear}>Clear all filters</Button>}>
          Nothing like this has happened, or you may not see it.
        </Empty>
      ) : (
        <div className={cx('flex flex-col gap-4', wanted.query !== search.query && 'opacity-60')}>
          {byDay(data.events).map(({ day, events }) => (
            <section key={day}>
              <h2 className="mb-1.5 text-sm font-semibold text-soft">{day}</h2>
              <ol className="divide-y rounded-lg border bg-surface">
                {events.map((event) => (
                  <EventRow
                    key={event.id}
                    event={event}
                    open={search.id === String(event.id)}
                    where={Object.keys(of).length === 0}
                  />
                ))}
              </ol>
            </section>
          ))}
        </div>
      )}
    </div>
  );
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full' });

function byDay(events: LoggedEvent[]): { day: string; events: LoggedEvent[] }[] {
  const days: { day: string; events: LoggedEvent[] }[] = [];
  for (const event of events) {
    const day = dayFormat.format(new Date(event.createdAt));
    const last = days.at(-1);
    if (last?.day === day) last.events.push(event);
    else days.push({ day, events: [event] });
  }
  return days;
}
