import { Columns3 } from 'lucide-react';
import { Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { Button } from '../../ui/Button';
import { cx } from '../../ui/cx';
import { Checkbox, popoverClass } from '../../ui/Fields';
import type { Column } from './DataTable';

/** The names of hidden columns as the address has them. */
function hidden(hide: string | undefined): Set<string> {
  return new Set(hide?.split(',').filter(Boolean));
}

export function visibleColumns<T>(columns: Column<T>[], hide: string | undefined): Column<T>[] {
  const gone = hidden(hide);
  return columns.filter((column) => !(column.optional && gone.has(column.id)));
}

/** Chooses which of the optional columns are shown. */
export function ColumnChooser<T>(props: {
  columns: Column<T>[];
  hide: string | undefined;
  onChange: (hide: string) => void;
}) {
  const optional = props.columns.filter((column) => column.optional);
  if (optional.length === 0) return null;
  const gone = hidden(props.hide);
  return (
    <DialogTrigger>
      <Button kind="quiet" icon={<Columns3 size={15} aria-hidden="true" />}>
        Columns
      </Button>
      <Popover placement="bottom end" className={cx(popoverClass, 'p-3')}>
        <Dialog aria-label="Columns" className="flex flex-col gap-2 outline-none">
          {optional.map((column) => (
            <Checkbox
              key={column.id}
              checked={!gone.has(column.id)}
              onChange={(checked) => {
                const next = new Set(gone);
                if (checked) next.delete(column.id);
                else next.add(column.id);
                props.onChange([...next].join(','));
              }}
            >
              {column.header}
            </Checkbox>
          ))}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
