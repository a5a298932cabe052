import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { Empty } from '../kit/Empty';
import { deed, thing } from '../kit/events/words';
import { linkClass } from '../kit/layout/Page';
import { type Column, DataTable } from '../kit/table/DataTable';
import { paths } from '../paths';
import { Badge, type Tone } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { deliveriesQuery, deliveriesShown } from './queries';

type Delivery = Schemas['Delivery'];

const states: Record<string, { word: string; tone: Tone }> = {
  success: { word: 'delivered', tone: 'good' },
  failed: { word: 'failed', tone: 'bad' },
  successWithErrors: { word: 'delivered in part', tone: 'warn' },
};

const columns: Column<Delivery>[] = [
  {
    id: 'state',
    header: 'State',
    cell: ({ state }) => <Badge tone={states[state]?.tone ?? 'neutral'}>{states[state]?.word ?? state}</Badge>,
  },
  {
    id: 'event',
    header: 'Event',
    cell: ({ event, details }) =>
      isTest(details) ? (
        'a test'
      ) : event ? (
        <Link {...paths.events({ id: String(event.id) })} className={linkClass}>
          {event.createdBy} {deed(event)} {thing(event)}
        </Link>
      ) : (
        <span className="text-soft">no longer there</span>
      ),
  },
  { id: 'details', header: 'Answer', cell: ({ stateDetails }) => stateDetails },
  { id: 'tries', header: 'Tries', wide: true, align: 'right', cell: ({ details }) => attemptsOf(details) },
  { id: 'when', header: 'When', wide: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];

/** What an integration was told, the newest first. */
export function Deliveries({ id, page, onPage }: { id: number; page: number; onPage: (page: number) => void }) {
  const { data } = useSuspenseQuery(deliveriesQuery(id, page));
  const deliveries = data.integrationEvents;
  if (deliveries.length === 0 && page === 1)
    return <Empty title="Nothing was delivered yet">The next event that it is told of appears here.</Empty>;
  return (
    <>
      <DataTable
        label="Deliveries"
        columns={columns}
        count={deliveries.length}
        rowAt={(place) => deliveries[place]}
        rowKey={({ id }) => id}
      />
      {(page > 1 || deliveries.length === deliveriesShown) && (
        <nav aria-label="Pages" className="flex gap-2">
          <Button disabledReason={page === 1 && 'These are the newest.'} onPress={() => onPage(page - 1)}>
            Newer
          </Button>
          <Button
            disabledReason={deliveries.length < deliveriesShown && 'There are no older ones.'}
            onPress={() => onPage(page + 1)}
          >
            Older
          </Button>
        </nav>
      )}
    </>
  );
}

function attemptsOf(details: unknown): string {
  if (typeof details !== 'object' || details === null || !('attempts' in details)) return '';
  return String(details.attempts);
}

function isTest(details: unknown): boolean {
  return typeof details === 'object' && details !== null && 'test' in details && details.test === true;
}
