import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { Suspense } from 'react';
import type { Schemas } from '../api/client';
import { ConstraintText } from '../kit/constraints/ConstraintText';
import { Empty } from '../kit/Empty';
import { linkClass, Page } from '../kit/layout/Page';
import { segmentsQuery } from '../kit/queries';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { useSegmentRefusals } from './can';
import { CreateSegment } from './segment-create';

type SegmentRow = Schemas['SegmentWithUse'];

export function SegmentsPage() {
  const { data } = useSuspenseQuery(segmentsQuery);
  const [{ dialog }, setUrl] = useUrl<{ dialog?: string }>();
  const refusals = useSegmentRefusals();
  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusals.create}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create segment
    </Button>
  );
  return (
    <Page
      title="Segments"
      about="A segment names some people once, so that many strategies can admit them. A change to it counts everywhere at once."
      actions={create}
    >
      <ListTable
        label="Segments"
        rows={data.segments}
        columns={columns}
        rowKey={({ id }) => String(id)}
        text={({ name, description }) => `${name} ${description ?? ''}`}
        empty={
          <Empty title="No segments yet" action={create}>
            Beta testers, colleagues, a country: say once who they are, and use it in any strategy.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateSegment onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </Page>
  );
}

const columns: Column<SegmentRow>[] = [
  {
    id: 'name',
    header: 'Name',
    order: ({ name }) => name,
    cell: ({ id, name, description }) => (
      <>
        <Link {...paths.segment(id)} className={linkClass}>
          {name}
        </Link>
        {description && <span className="block text-sm text-soft">{description}</span>}
      </>
    ),
  },
  {
    id: 'who',
    header: 'Who',
    wide: true,
    optional: true,
    cell: ({ constraints: [first, ...more] }) =>
      first ? (
        <span className="text-sm">
          <ConstraintText constraint={first} most={3} />
          {more.length > 0 && <span className="text-soft"> and {more.length} more</span>}
        </span>
      ) : (
        <span className="text-soft">everybody</span>
      ),
  },
  {
    id: 'project',
    header: 'Project',
    wide: true,
    optional: true,
    order: ({ project }) => project ?? '',
    cell: ({ project }) => project ?? <span className="text-soft">all</span>,
  },
  {
    id: 'features',
    header: 'Features',
    align: 'right',
    order: ({ usedInFeatures }) => usedInFeatures ?? 0,
    cell: ({ usedInFeatures }) => usedInFeatures ?? 0,
  },
  {
    id: 'created',
    header: 'Created',
    wide: true,
    optional: true,
    order: ({ createdAt }) => createdAt,
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
];
