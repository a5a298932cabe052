import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { cx } from '../../ui/cx';
import { Checkbox } from '../../ui/Fields';

export type Column<T> = {
  id: string;
  header: string;
  /** How the header is drawn, where that is more than its text. */
  head?: ReactNode;
  cell: (row: T) => ReactNode;
  /** Makes the column sortable: what rows are compared by (in lists that are here as a whole). */
  order?: (row: T) => string | number;
  /** Makes the column sortable by the server. */
  sortable?: boolean;
  align?: 'right' | 'center';
  /** A CSS width. */
  width?: string;
  /** Not shown on narrow screens. */
  wide?: boolean;
  /** Stays in sight while the others scroll sideways. */
  pinned?: boolean;
  /** Can be taken out of the table; the address remembers it. */
  optional?: boolean;
};

export type Sort = { by: string; descending: boolean };

export type DataTableProps<T> = {
  label: string;
  columns: Column<T>[];
  /** How many rows there are; `rowAt` has not all of them yet, perhaps. */
  count: number;
  rowAt: (place: number) => T | undefined;
  rowKey: (row: T) => string;
  sort?: Sort | undefined;
  onSort?: (sort: Sort) => void;
  selection?: { selected: ReadonlySet<string>; onChange: (selected: Set<string>) => void; name: (row: T) => string };
  /** Is told which rows are in sight. */
  onVisible?: (first: number, last: number) => void;
};

const rowHeight = 41;
/** Shorter tables are drawn whole. */
const virtualFrom = 80;

export function DataTable<T>(props: DataTableProps<T>) {
  const { label, columns, count, rowAt, rowKey, sort, onSort, selection, onVisible } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const isVirtual = count > virtualFrom;
  const virtualizer = useVirtualizer({
    count: isVirtual ? count : 0,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 10,
  });
  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? count - 1;
  useEffect(() => onVisible?.(first, last), [onVisible, first, last]);

  const places = isVirtual ? items.map((item) => item.index) : Array.from({ length: count }, (_, place) => place);
  const above = items[0]?.start ?? 0;
  const below = isVirtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  const span = columns.length + (selection ? 1 : 0);

  return (
    <div
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={label}
      className={cx(
        // What has the focus is not left below the head or the pinned column.
        'relative overflow-auto rounded-lg border bg-surface scroll-pt-10',
        columns.some(({ pinned }) => pinned) && 'scroll-pl-48',
        isVirtual ? 'h-[calc(100dvh-13rem)] min-h-80' : 'max-w-full',
      )}
    >
      <table
        className="w-full border-separate border-spacing-0 text-base wrap-break-word"
        aria-rowcount={count + 1}
        aria-label={label}
      >
        <thead>
          <tr>
            {selection && (
              <th className={cx(headClass, 'z-10')}>
                <SelectAll {...props} selection={selection} />
              </th>
            )}
            {columns.map((column) => (
              <th
                key={column.id}
                scope="col"
                aria-sort={sort?.by === column.id ? (sort.descending ? 'descending' : 'ascending') : undefined}
                style={column.width ? { width: column.width } : undefined}
                className={cx(
                  headClass,
                  column.pinned ? 'left-0 z-20' : 'z-10',
                  column.wide && 'max-md:hidden',
                  alignClass(column.align),
                )}
              >
                {onSort && (column.sortable || column.order) ? (
                  <button
                    type="button"
                    className="inline-flex items-center gap-1 rounded-sm font-semibold hover:text-accent"
                    onClick={() => onSort({ by: column.id, descending: sort?.by === column.id && !sort.descending })}
                  >
                    {column.head ?? column.header}
                    {sort?.by === column.id &&
                      (sort.descending ? (
                        <ArrowDown size={13} aria-hidden="true" />
                      ) : (
                        <ArrowUp size={13} aria-hidden="true" />
                      ))}
                  </button>
                ) : (
                  // Buttons tell themselves what they do.
                  <span className={column.id === 'actions' ? 'max-sm:sr-only' : ''}>
                    {column.head ?? column.header}
                  </span>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Spacer height={above} span={span} />}
          {places.map((place) => {
            const row = rowAt(place);
            return (
              <tr
                key={row === undefined ? `place-${place}` : rowKey(row)}
                aria-rowindex={place + 2}
                className="group hover:bg-sunken"
                style={isVirtual ? { height: rowHeight } : undefined}
              >
                {selection && (
                  <td className={cellClass}>
                    {row !== undefined && (
                      <Checkbox
                        aria-label={`Select ${selection.name(row)}`}
                        checked={selection.selected.has(rowKey(row))}
                        onChange={(checked) => selection.onChange(toggled(selection.selected, rowKey(row), checked))}
                      >
                        {null}
                      </Checkbox>
                    )}
                  </td>
                )}
                {columns.map((column) => (
                  <td
                    key={column.id}
                    className={cx(
                      cellClass,
                      column.pinned && 'sticky left-0 z-[5] bg-surface group-hover:bg-sunken',
                      column.wide && 'max-md:hidden',
                      alignClass(column.align),
                    )}
                  >
                    {row === undefined ? (
                      <span className="inline-block h-3 w-24 rounded-sm bg-sunken" />
                    ) : (
                      column.cell(row)
                    )}
                  </td>
                ))}
              </tr>
            );
          })}
          {below > 0 && <Spacer height={below} span={span} />}
        </tbody>
      </table>
    </div>
  );
}

const headClass =
  'sticky top-0 border-b bg-surface px-2 py-2 text-left sm:px-3 text-sm font-semibold whitespace-nowrap text-soft';
const cellClass = 'border-b px-2 sm:px-3 py-1 align-middle group-last:border-b-0';

function alignClass(align: 'right' | 'center' | undefined) {
  return align === 'right' ? 'text-right' : align === 'center' ? 'text-center' : '';
}

function Spacer({ height, span }: { height: number; span: number }) {
  return (
    <tr>
      <td colSpan={span} style={{ height, padding: 0 }} />
    </tr>
  );
}

/** Chooses all rows that have been loaded. */
function SelectAll<T>({
  count,
  rowAt,
  rowKey,
  selection,
}: DataTableProps<T> & { selection: NonNullable<DataTableProps<T>['selection']> }) {
  const loaded = () => Array.from({ length: count }, (_, place) => rowAt(place)).filter((row) => row !== undefined);
  const all = selection.selected.size > 0 && selection.selected.size >= loaded().length;
  return (
    <Checkbox
      aria-label="Select all"
      checked={all}
      indeterminate={!all && selection.selected.size > 0}
      onChange={(checked) => selection.onChange(new Set(checked ? loaded().map(rowKey) : []))}
    >
      {null}
    </Checkbox>
  );
}

function toggled(selected: ReadonlySet<string>, key: string, checked: boolean): Set<string> {
  const next = new Set(selected);
  if (checked) next.add(key);
  else next.delete(key);
  return next;
}
