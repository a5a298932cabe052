import { useQuery } from '@tanstack/react-query';
import { ListFilter } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { Button } from '../../ui/Button';
import { cx } from '../../ui/cx';
import { Checkbox, popoverClass, SelectField, TextField } from '../../ui/Fields';
import { eventCreatorsQuery } from '../events/queries';
import { Chip } from '../filter/FilterChip';
import { nameOf } from '../people';
import { featureTypesQuery, segmentsQuery } from '../queries';
import { type Session, useSession } from '../session';
import { useUrl } from '../url';
import type { FeatureSearch, Fixed } from './search';

type Filter =
  | 'project'
  | 'state'
  | 'type'
  | 'lifecycle'
  | 'status'
  | 'segment'
  | 'tag'
  | 'favorite'
  | 'createdBy'
  | 'createdAt'
  | 'lastSeenAt';

const names: Record<Filter, string> = {
  project: 'Project',
  state: 'State',
  type: 'Type',
  lifecycle: 'Stage',
  status: 'Switched',
  segment: 'Segment',
  tag: 'Tag',
  favorite: 'Favourite',
  createdBy: 'Created by',
  createdAt: 'Created',
  lastSeenAt: 'Last seen',
};
const order: Filter[] = [
  'project',
  'state',
  'type',
  'lifecycle',
  'status',
  'segment',
  'tag',
  'favorite',
  'createdBy',
  'createdAt',
  'lastSeenAt',
];

/** The text to look for, the server's filters as chips, and whatever stands beside them. */
export function FeatureFilters({ fixed, children }: { fixed: Fixed; children?: ReactNode }) {
  const { user } = useSession();
  const [search, setUrl] = useUrl<FeatureSearch>();
  const offered = order.filter(
    (filter) =>
      !(filter === 'project' && fixed.project) && !(fixed.archived && (filter === 'status' || filter === 'lifecycle')),
  );
  return (
    <div className="flex flex-wrap items-center gap-2">
      <SearchText value={search.q ?? ''} onChange={(q) => setUrl({ q })} />
      {offered
        .filter((filter) => search[filter])
        .map((filter) => (
          <Chip
            key={filter}
            label={names[filter]}
            text={chipText(filter, search[filter] ?? '', user)}
            onClear={() => setUrl({ [filter]: '' })}
          >
            <div className="p-4">
              <FilterEditor
                filter={filter}
                value={search[filter] ?? ''}
                onChange={(value) => setUrl({ [filter]: value })}
              />
            </div>
          </Chip>
        ))}
      <DialogTrigger>
        <Button icon={<ListFilter size={15} aria-hidden="true" />}>Filter</Button>
        <Popover placement="bottom start" className={cx(popoverClass, 'w-80 max-w-[calc(100vw-2rem)]')}>
          <Dialog aria-label="Filters" className="flex max-h-[70dvh] flex-col gap-4 overflow-auto p-4 outline-none">
            {offered.map((filter) => (
              <FilterEditor
                key={filter}
                filter={filter}
                value={search[filter] ?? ''}
                onChange={(value) => setUrl({ [filter]: value })}
              />
            ))}
          </Dialog>
        </Popover>
      </DialogTrigger>
      <div className="ml-auto flex items-center gap-2">{children}</div>
    </div>
  );
}

/** Tells the address what was typed once the typing rests. */
function SearchText({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const [told, setTold] = useState(value);
  const [sent, setSent] = useState(value);
  if (value !== told) {
    setTold(value);
    // Not what was typed a moment ago: somebody went back, or followed a link.
    if (value !== sent) setTyped(value);
  }
  useEffect(() => {
    if (typed === told) return;
    const timer = setTimeout(() => {
      setSent(typed);
      onChange(typed);
    }, 150);
    return () => clearTimeout(timer);
  }, [typed, told, onChange]);
  return (
    <TextField
      label="Search features"
      hideLabel
      type="search"
      placeholder="Search by name, description or tag"
      className="w-full sm:w-72"
      value={typed}
      onChange={setTyped}
    />
  );
}

function chipText(filter: Filter, value: string, user: Session['user']): string {
  if (filter === 'createdBy')
    return value
      .split(',')
      .map((id) => (id === String(user.id) ? nameOf(user) : `user ${id}`))
      .join(' or ');
  if (filter === 'favorite') return value === 'true' ? 'yes' : 'no';
  if (filter === 'createdAt' || filter === 'lastSeenAt') {
    const [operator, day] = value.split(':');
    return `${operator === 'IS_BEFORE' ? 'before' : 'since'} ${day}`;
  }
  if (filter === 'status')
    return value
      .split(',')
      .map((one) => one.replace(':enabled', ' on').replace(':disabled', ' off'))
      .join(' or ');
  return value.split(',').join(' or ');
}

type EditorProps = { filter: Filter; value: string; onChange: (value: string) => void };

function FilterEditor(props: EditorProps) {
  const { projects, environments } = useSession();
  switch (props.filter) {
    case 'project':
      return <Several {...props} options={projects.map(({ id, name }) => [id, name])} />;
    case 'state':
      return (
        <Several
          {...props}
          options={[
            ['active', 'Active'],
            ['stale', 'Stale'],
            ['potentially-stale', 'Potentially stale'],
          ]}
        />
      );
    case 'lifecycle':
      return (
        <Several
          {...props}
          options={[
            ['initial', 'Initial'],
            ['pre-live', 'Pre-live'],
            ['live', 'Live'],
            ['completed', 'Completed'],
          ]}
        />
      );
    case 'status':
      return (
        <Several
          {...props}
          options={environments.flatMap(({ name }): [string, string][] => [
            [`${name}:enabled`, `${name} on`],
            [`${name}:disabled`, `${name} off`],
          ])}
        />
      );
    case 'type':
      return <Types {...props} />;
    case 'segment':
      return <Segments {...props} />;
    case 'createdBy':
      return <Creators {...props} />;
    case 'tag':
      return (
        <TextField
          label={names.tag}
          placeholder="type:value, type:value"
          value={props.value}
          onChange={props.onChange}
        />
      );
    case 'favorite':
      return (
        <Checkbox checked={props.value === 'true'} onChange={(checked) => props.onChange(checked ? 'true' : '')}>
          Favourites only
        </Checkbox>
      );
    default:
      return <Day {...props} />;
  }
}

function Types(props: EditorProps) {
  const { data } = useQuery(featureTypesQuery);
  return <Several {...props} options={(data?.types ?? []).map(({ id, name }) => [id, name])} />;
}

function Creators(props: EditorProps) {
  const { data } = useQuery(eventCreatorsQuery);
  const people = (data ?? []).filter(({ id }) => id > 0);
  return <Several {...props} options={people.map(({ id, name }) => [String(id), name])} />;
}

function Segments(props: EditorProps) {
  const { data } = useQuery(segmentsQuery);
  return <Several {...props} options={(data?.segments ?? []).map(({ name }) => [name, name])} />;
}

function Several({ filter, value, onChange, options }: EditorProps & { options: [string, string][] }) {
  const chosen = value.split(',').filter(Boolean);
  if (options.length === 0) return null;
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-medium">{names[filter]}</legend>
      <div className="flex max-h-40 flex-col gap-1 overflow-y-auto">
        {options.map(([id, name]) => (
          <Checkbox
            key={id}
            checked={chosen.includes(id)}
            onChange={(checked) => onChange((checked ? [...chosen, id] : chosen.filter((one) => one !== id)).join(','))}
          >
            {name}
          </Checkbox>
        ))}
      </div>
    </fieldset>
  );
}

function Day({ filter, value, onChange }: EditorProps) {
  const [operator = 'IS_ON_OR_AFTER', day = ''] = value ? value.split(':') : [];
  return (
    <div className="flex items-end gap-2">
      <SelectField
        label={names[filter]}
        className="flex-1"
        value={operator}
        onChange={(operator) => onChange(day ? `${operator}:${day}` : '')}
        options={[
          { value: 'IS_ON_OR_AFTER', label: 'since' },
          { value: 'IS_BEFORE', label: 'before' },
        ]}
      />
      <TextField
        label={`${names[filter]}: day`}
        hideLabel
        type="date"
        value={day}
        onChange={(day) => onChange(day ? `${operator}:${day}` : '')}
      />
    </div>
  );
}
