import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import { errorText } from '../../api/errors';
import { paths } from '../../paths';
import { Badge, Note } from '../../ui/Bits';
import { Time } from '../../ui/Time';
import { Empty } from '../Empty';
import { EnvironmentName } from '../EnvironmentName';
import { linkClass } from '../layout/Page';
import { ProjectLink } from '../ProjectLink';
import { useSession } from '../session';
import { ColumnChooser, visibleColumns } from '../table/ColumnChooser';
import { type Column, DataTable } from '../table/DataTable';
import { sortOf, sortText } from '../table/ListTable';
import { useUrl } from '../url';
import { Favorite } from './Favorite';
import { FeatureFilters } from './FeatureFilters';
import { type FeatureSearch, type Fixed, type FoundFeature, foundQuery, pageSize } from './search';
import { FeatureSwitch, placeOf } from './switching';

export type FeatureTableProps = {
  fixed: Fixed;
  /** Shown when there is nothing at all, without any filter. */
  empty: ReactNode;
  /** For the features that were chosen. */
  bulk?: (chosen: FoundFeature[], done: () => void) => ReactNode;
  /** In place of the environments' switches, as for archived features. */
  actions?: (feature: FoundFeature) => ReactNode;
};

/** Features as the server finds them: filters and order in the address, rows fetched as they come into sight. */
export function FeatureTable({ fixed, empty, bulk, actions }: FeatureTableProps) {
  const [search, setUrl] = useUrl<FeatureSearch>();
  const [visible, setVisible] = useState({ first: 0, last: 0 });
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const columns = useColumns(fixed, actions);

  const firstPage = Math.floor(visible.first / pageSize);
  const lastPage = Math.floor(visible.last / pageSize);
  const wanted = [...new Set([0, firstPage, lastPage])];
  const answers = useQueries({ queries: wanted.map((page) => foundQuery(search, fixed, page)) });
  const pages = new Map(wanted.map((page, place) => [page, answers[place]?.data]));
  const total = pages.get(0)?.total;
  const failed = answers.find(({ error }) => error !== null);

  const rowAt = (place: number) => pages.get(Math.floor(place / pageSize))?.features[place % pageSize];
  const onVisible = useCallback((first: number, last: number) => setVisible({ first, last }), []);

  const chosen = [...pages.values()].flatMap((page) => page?.features ?? []).filter(({ name }) => selected.has(name));
  const isFiltered = Object.entries(search).some(([key, value]) => value && !['sort', 'hide', 'dialog'].includes(key));
  if (failed && total === undefined) return <Note tone="bad">{errorText(failed.error)}</Note>;
  if (total === 0 && !isFiltered) return empty;
  return (
    <div className="flex flex-col gap-3">
      <FeatureFilters fixed={fixed}>
        <span className="text-sm text-soft" role="status">
          {total === undefined ? '' : total === 1 ? '1 feature' : `${total.toLocaleString('en')} features`}
        </span>
        <ColumnChooser columns={columns} hide={search.hide} onChange={(hide) => setUrl({ hide })} />
      </FeatureFilters>
      {bulk && chosen.length > 0 && (
        <div
          role="group"
          aria-label="Actions for chosen features"
          className="flex flex-wrap items-center gap-2 rounded-md border bg-accent-wash px-3 py-2"
        >
          <span className="text-sm font-medium">{chosen.length} chosen</span>
          {bulk(chosen, () => setSelected(new Set()))}
        </div>
      )}
      {total === 0 ? (
        <Empty title="No feature fits these filters" />
      ) : (
        <DataTable
          label="Features"
          columns={visibleColumns(columns, search.hide)}
          count={total ?? 12}
          rowAt={rowAt}
          rowKey={({ name }) => name}
          sort={sortOf(search.sort)}
          onSort={(sort) => setUrl({ sort: sortText(sort) })}
          onVisible={onVisible}
          {...(bulk ? { selection: { selected, onChange: setSelected, name: ({ name }: FoundFeature) => name } } : {})}
        />
      )}
    </div>
  );
}

function useColumns(fixed: Fixed, actions: FeatureTableProps['actions']): Column<FoundFeature>[] {
  const { environments } = useSession();
  return useMemo(() => {
    const columns: (Column<FoundFeature> | false)[] = [
      {
        id: 'name',
        header: 'Name',
        sortable: true,
        pinned: true,
        cell: (feature) => (
          <span className="flex items-center gap-1">
            {!fixed.archived && (
              <Favorite project={feature.project} feature={feature.name} favorite={feature.favorite} />
            )}
            <span className="min-w-0">
              {fixed.archived ? (
                <span className="font-medium">{feature.name}</span>
              ) : (
                <Link {...paths.feature(feature.project, feature.name)} className={linkClass}>
                  {feature.name}
                </Link>
              )}{' '}
              {feature.stale && <Badge tone="warn">stale</Badge>}{' '}
              {feature.dependencyType && <Badge>{feature.dependencyType}</Badge>}
            </span>
          </span>
        ),
      },
      fixed.project === undefined && {
        id: 'project',
        header: 'Project',
        sortable: true,
        optional: true,
        wide: true,
        cell: ({ project }) => <ProjectLink id={project} />,
      },
      { id: 'type', header: 'Type', sortable: true, optional: true, wide: true, cell: ({ type }) => type },
      {
        id: 'lifecycle',
        header: 'Stage',
        optional: true,
        wide: true,
        cell: ({ lifecycle }) => <span className="whitespace-nowrap">{lifecycle.stage}</span>,
      },
      {
        id: 'tags',
        header: 'Tags',
        optional: true,
        wide: true,
        cell: ({ tags }) =>
          tags?.map(({ type, value }) => <Badge key={`${type}:${value}`}>{`${type}:${value}`}</Badge>),
      },
      {
        id: 'createdAt',
        header: 'Created',
        sortable: true,
        optional: true,
        wide: true,
        cell: ({ createdAt }) => <Time at={createdAt} />,
      },
    ];
    const last: Column<FoundFeature>[] = actions
      ? [
          { id: 'archivedAt', header: 'Archived', wide: true, cell: ({ archivedAt }) => <Time at={archivedAt} /> },
          { id: 'actions', header: 'Actions', align: 'right', cell: actions },
        ]
      : environments
          .filter(({ enabled }) => enabled)
          .map(({ name, type }) => ({
            id: `environment:${name}`,
            header: name,
            head: <EnvironmentName name={name} type={type} />,
            sortable: true,
            optional: true,
            align: 'center' as const,
            cell: (feature: FoundFeature) => {
              const environment = feature.environments.find((one) => one.name === name);
              return environment ? (
                <FeatureSwitch place={placeOf(feature, environment)} />
              ) : (
                <span className="text-soft">–</span>
              );
            },
          }));
    return [...columns.filter((column) => column !== false), ...last];
  }, [environments, fixed.project, fixed.archived, actions]);
}
