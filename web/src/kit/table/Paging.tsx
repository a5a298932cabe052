import { ChevronLeft, ChevronRight } from 'lucide-react';
import { Button } from '../../ui/Button';

const inWords = new Intl.NumberFormat('en');

/** Which rows of how many are shown, and the way to the others. Pages count from 1. */
export function Paging(props: { page: number; size: number; total: number; onPage: (page: number) => void }) {
  const { page, size, total, onPage } = props;
  const first = Math.min((page - 1) * size + 1, total);
  const last = Math.min(page * size, total);
  return (
    <nav aria-label="Pages" className="flex flex-wrap items-center gap-2">
      <span role="status" className="text-sm text-soft">
        {total === 0 ? 'None' : `${inWords.format(first)} to ${inWords.format(last)} of ${inWords.format(total)}`}
      </span>
      {total > size && (
        <>
          <Button
            kind="quiet"
            icon={<ChevronLeft size={15} aria-hidden="true" />}
            disabledReason={page <= 1 && 'This is the first page.'}
            onPress={() => onPage(page - 1)}
          >
            Previous
          </Button>
          <Button
            kind="quiet"
            disabledReason={last >= total && 'This is the last page.'}
            onPress={() => onPage(page + 1)}
          >
            Next
            <ChevronRight size={15} aria-hidden="true" />
          </Button>
        </>
      )}
    </nav>
  );
}
