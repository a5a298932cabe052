import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { answered, api } from '../../api/client';
import { listOf } from '../filter/FilterChip';

/** What the address of a page with events holds. Lists have commas, days look like 2026-01-31. */
export type EventSearch = {
  feature?: string;
  project?: string;
  environment?: string;
  type?: string;
  createdBy?: string;
  from?: string;
  to?: string;
  query?: string;
  page?: string;
  id?: string;
};

export const pageSize = 50;

export function pageOf({ page }: EventSearch): number {
  return Math.max(1, Math.trunc(Number(page)) || 1);
}

const any = (text: string | undefined) => (listOf(text).length > 0 ? `IS_ANY_OF:${text}` : undefined);
const is = (text: string | undefined) => (text ? `IS:${text}` : undefined);

/** A page of the log, newest first. */
export function eventsQuery(search: EventSearch, limit = pageSize) {
  const { feature, project, environment, type, createdBy, from, to, query, id } = search;
  const asked = {
    feature: any(feature),
    project: any(project),
    environment: any(environment),
    type: any(type),
    createdBy: any(createdBy),
    from: is(from),
    to: is(to),
    id: is(id),
    query,
    offset: String((pageOf(search) - 1) * limit),
    limit: String(limit),
  };
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  return queryOptions({
    queryKey: ['events', given],
    queryFn: () => answered(api.GET('/api/admin/search/events', { params: { query: given } })),
    // Whatever is changed is an event.
    meta: { touchedBy: () => true },
    placeholderData: keepPreviousData,
  });
}

export const eventCreatorsQuery = queryOptions({
  queryKey: ['event-creators'],
  queryFn: () => answered(api.GET('/api/admin/event-creators')),
});

/** All types of events that there are: integrations can be told of each. Asked for once somebody wants to choose. */
export const eventTypesQuery = queryOptions({
  queryKey: ['event-types'],
  queryFn: async () => {
    const { providers } = await answered(api.GET('/api/admin/addons'));
    return [...new Set(providers.flatMap(({ events }) => events))].sort();
  },
  staleTime: Number.POSITIVE_INFINITY,
});
