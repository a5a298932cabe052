import { queryOptions } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../../api/client';
import { kinds } from '../../api/live';
import { sortOf } from '../table/ListTable';

export type FoundFeature = Schemas['FoundFeature'];

/** What the address of a page with features holds: the server's filters, with several values separated by commas. */
export type FeatureSearch = {
  q?: string;
  sort?: string;
  hide?: string;
  dialog?: string;
  project?: string;
  state?: string;
  type?: string;
  tag?: string;
  segment?: string;
  createdBy?: string;
  status?: string;
  lifecycle?: string;
  favorite?: string;
  createdAt?: string;
  lastSeenAt?: string;
};

/** What the page itself asks for, whatever the address says. */
export type Fixed = { project?: string; archived?: boolean };

export const pageSize = 100;

const listed = (operator: string, values: string | undefined) => (values ? `${operator}:${values}` : undefined);

/** The parameters of the server's search. */
export function searchParameters(search: FeatureSearch, fixed: Fixed) {
  const sort = sortOf(search.sort);
  return {
    query: search.q,
    project: fixed.project ? `IS:${fixed.project}` : listed('IS_ANY_OF', search.project),
    archived: fixed.archived ? 'IS:true' : undefined,
    state: listed('IS_ANY_OF', search.state),
    type: listed('IS_ANY_OF', search.type),
    lifecycle: listed('IS_ANY_OF', search.lifecycle),
    createdBy: listed('IS_ANY_OF', search.createdBy),
    tag: listed('INCLUDE_ANY_OF', search.tag),
    segment: listed('INCLUDE_ANY_OF', search.segment),
    status: search.status?.split(','),
    favorite: search.favorite ? `IS:${search.favorite}` : undefined,
    createdAt: search.createdAt,
    lastSeenAt: search.lastSeenAt,
    sortBy: sort?.by,
    sortOrder: sort ? (sort.descending ? 'desc' : 'asc') : sort,
    favoritesFirst: 'true',
  };
}

/** One page of the features that were found. */
export const foundQuery = (search: FeatureSearch, fixed: Fixed, page: number) => {
  const parameters = searchParameters(search, fixed);
  return queryOptions({
    queryKey: ['search/features', parameters, page],
    queryFn: () =>
      answered(
        api.GET('/api/admin/search/features', {
          params: { query: defined({ ...parameters, offset: String(page * pageSize), limit: String(pageSize) }) },
        }),
      ),
    meta: { touchedBy: kinds('feature', 'favorites', 'environment', 'segment', 'tag-type', 'project') },
  });
};

function defined<T extends object>(given: T) {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
