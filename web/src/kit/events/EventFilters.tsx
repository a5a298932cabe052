import { useQuery } from '@tanstack/react-query';
import { Button } from '../../ui/Button';
import { TextField } from '../../ui/Fields';
import { Chip, ChoiceChip, Choices, listOf, textOf } from '../filter/FilterChip';
import { useSession } from '../session';
import { type EventSearch, eventCreatorsQuery, eventTypesQuery } from './queries';
import { type LoggedEvent, typeName } from './words';

/** The filters of the log: a text, and a chip for everything that events can be told apart by. */
export function EventFilters(props: {
  search: EventSearch;
  /** Those that are shown: they know their creators' names. */
  events: LoggedEvent[];
  of: { project?: string; feature?: string };
  onChange: (change: Partial<EventSearch>) => void;
  onClear: () => void;
}) {
  const { search, events, of, onChange, onClear } = props;
  const { projects, environments } = useSession();
  const isSet = Object.entries(search).some(([name, value]) => name !== 'page' && value !== undefined);
  return (
    <search className="flex flex-wrap items-center gap-2">
      <TextField
        label="Find in events"
        hideLabel
        type="search"
        placeholder="Find in events"
        className="w-full sm:w-64"
        value={search.query ?? ''}
        onChange={(query) => onChange({ query })}
      />
      {of.feature === undefined && (
        <ChoiceChip
          label="Feature"
          others
          options={[]}
          values={listOf(search.feature)}
          onChange={(values) => onChange({ feature: textOf(values) })}
        />
      )}
      {of.project === undefined && of.feature === undefined && (
        <ChoiceChip
          label="Project"
          options={projects.map(({ id, name }) => ({ value: id, label: name }))}
          values={listOf(search.project)}
          onChange={(values) => onChange({ project: textOf(values) })}
        />
      )}
      <ChoiceChip
        label="Environment"
        options={environments.map(({ name }) => ({ value: name, label: name }))}
        values={listOf(search.environment)}
        onChange={(values) => onChange({ environment: textOf(values) })}
      />
      <TypeChip values={listOf(search.type)} onChange={(values) => onChange({ type: textOf(values) })} />
      <WhoChip
        values={listOf(search.createdBy)}
        onChange={(values) => onChange({ createdBy: textOf(values) })}
        events={events}
      />
      <DaysChip from={search.from ?? ''} to={search.to ?? ''} onChange={onChange} />
      {search.id && (
        <Chip label="Event" text={search.id} onClear={() => onChange({ id: '' })}>
          <p className="p-3 text-sm">This page shows one event alone.</p>
        </Chip>
      )}
      {isSet && (
        <Button kind="quiet" onPress={onClear}>
          Clear all
        </Button>
      )}
    </search>
  );
}

function TypeChip({ values, onChange }: { values: string[]; onChange: (values: string[]) => void }) {
  return (
    <Chip label="Type" text={values.map(typeName).join(', ')} onClear={() => onChange([])}>
      <Types values={values} onChange={onChange} />
    </Chip>
  );
}

// Drawn once the chip is opened: only then the types are asked for.
function Types({ values, onChange }: { values: string[]; onChange: (values: string[]) => void }) {
  const types = useQuery(eventTypesQuery);
  return (
    <Choices
      label="Type"
      others
      options={(types.data ?? [])
        .map((type) => ({ value: type, label: typeName(type) }))
        .toSorted((one, other) => one.label.localeCompare(other.label, 'en'))}
      values={values}
      onChange={onChange}
    />
  );
}

type WhoProps = { values: string[]; onChange: (values: string[]) => void };

function WhoChip({ events, ...props }: WhoProps & { events: LoggedEvent[] }) {
  const named = (id: string) => events.find((event) => String(event.createdByUserId) === id)?.createdBy ?? id;
  return (
    <Chip label="Who" text={props.values.map(named).join(', ')} onClear={() => props.onChange([])}>
      <Creators {...props} />
    </Chip>
  );
}

function Creators(props: WhoProps) {
  const creators = useQuery(eventCreatorsQuery);
  return (
    <Choices
      label="Who"
      options={(creators.data ?? []).map(({ id, name }) => ({ value: String(id), label: name }))}
      {...props}
    />
  );
}

function DaysChip({ from, to, onChange }: { from: string; to: string; onChange: (change: EventSearch) => void }) {
  const text =
    from && to ? (from === to ? from : `${from} to ${to}`) : from ? `since ${from}` : to ? `until ${to}` : '';
  return (
    <Chip label="When" text={text} onClear={() => onChange({ from: '', to: '' })}>
      <div className="flex flex-col gap-3 p-3">
        <div className="flex flex-wrap gap-2">
          <Button onPress={() => onChange({ from: daysAgo(0), to: '' })}>Today</Button>
          <Button onPress={() => onChange({ from: daysAgo(7), to: '' })}>Last 7 days</Button>
          <Button onPress={() => onChange({ from: daysAgo(30), to: '' })}>Last 30 days</Button>
        </div>
        <TextField label="From" type="date" value={from} onChange={(from) => onChange({ from })} />
        <TextField
          label="To"
          type="date"
          value={to}
          onChange={(to) => onChange({ to })}
          description="Days begin and end at midnight UTC."
        />
      </div>
    </Chip>
  );
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}
