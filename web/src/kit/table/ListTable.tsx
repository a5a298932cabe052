import { type ReactNode, useDeferredValue, useMemo } from 'react';
import { TextField } from '../../ui/Fields';
import { Empty } from '../Empty';
import { useUrl } from '../url';
import { ColumnChooser, visibleColumns } from './ColumnChooser';
import { type Column, DataTable, type DataTableProps, type Sort } from './DataTable';

/** What the address of a list's page holds. */
export type ListSearch = { q?: string; sort?: string; hide?: string };

export type ListTableProps<T> = {
  label: string;
  rows: T[];
  columns: Column<T>[];
  rowKey: (row: T) => string;
  /** What the filter looks through. Without it there is no filter. */
  text?: (row: T) => string;
  /** Shown when there is nothing at all. */
  empty: ReactNode;
  /** Beside the filter. */
  actions?: ReactNode;
  selection?: DataTableProps<T>['selection'];
};

/** A list that is here as a whole: filtered and sorted in the browser, with filter and order in the address. */
export function ListTable<T>({ label, rows, columns, rowKey, text, empty, actions, selection }: ListTableProps<T>) {
  const [{ q = '', sort, hide }, setUrl] = useUrl<ListSearch>();
  const wanted = useDeferredValue(q);
  const shown = useMemo(
    () => ordered(text ? rows.filter((row) => matches(text(row), wanted)) : rows, columns, sortOf(sort)),
    [rows, columns, text, wanted, sort],
  );
  if (rows.length === 0) return empty;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        {text && (
          <TextField
            label={`Filter ${label.toLowerCase()}`}
            hideLabel
            type="search"
            placeholder="Filter"
            className="w-full sm:w-72"
            value={q}
            onChange={(q) => setUrl({ q })}
          />
        )}
        <span className="text-sm text-soft" role="status">
          {shown.length === rows.length ? `${rows.length} in all` : `${shown.length} of ${rows.length}`}
        </span>
        <div className="ml-auto flex flex-wrap items-center gap-2">
          <ColumnChooser columns={columns} hide={hide} onChange={(hide) => setUrl({ hide })} />
          {actions}
        </div>
      </div>
      {shown.length === 0 ? (
        <Empty title="Nothing fits the filter" />
      ) : (
        <DataTable
          label={label}
          columns={visibleColumns(columns, hide)}
          count={shown.length}
          rowAt={(place) => shown[place]}
          rowKey={rowKey}
          sort={sortOf(sort)}
          onSort={(next) => setUrl({ sort: sortText(next) })}
          {...(selection ? { selection } : {})}
        />
      )}
    </div>
  );
}

/** `name` is ascending, `-name` descending. */
export function sortOf(text: string | undefined): Sort | undefined {
  if (!text) return undefined;
  return text.startsWith('-') ? { by: text.slice(1), descending: true } : { by: text, descending: false };
}

export function sortText({ by, descending }: Sort): string {
  return descending ? `-${by}` : by;
}

/** Every word is in the text, in any order. */
export function matches(text: string, words: string): boolean {
  const lower = text.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

function ordered<T>(rows: T[], columns: Column<T>[], sort: Sort | undefined): T[] {
  const order = columns.find((column) => column.id === sort?.by)?.order;
  if (!sort || !order) return rows;
  const sign = sort.descending ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [a, b] = [order(one), order(other)];
    return (
      sign *
      (typeof a === 'number' && typeof b === 'number'
        ? a - b
        : String(a).localeCompare(String(b), 'en', { numeric: true }))
    );
  });
}
