import { useSuspenseQuery } from '@tanstack/react-query';
import { Pencil } from 'lucide-react';
import { Suspense } from 'react';
import type { Schemas } from '../api/client';
import { Page } from '../kit/layout/Page';
import { featureTypesQuery } from '../kit/queries';
import { type Column, DataTable } from '../kit/table/DataTable';
import { useUrl } from '../kit/url';
import { IconButton } from '../ui/Button';
import { useFeatureTypeRefusal } from './can';
import { EditFeatureType } from './feature-type-edit';

type FeatureType = Schemas['FeatureType'];

export function FeatureTypesPage() {
  const { data } = useSuspenseQuery(featureTypesQuery);
  const [{ dialog, id }, setUrl] = useUrl<{ dialog?: string; id?: string }>();
  const refusal = useFeatureTypeRefusal();
  const edited = data.types.find((type) => type.id === id);

  const columns: Column<FeatureType>[] = [
    { id: 'name', header: 'Type', cell: ({ name }) => <span className="font-medium">{name}</span> },
    {
      id: 'description',
      header: 'What it is for',
      wide: true,
      cell: ({ description }) => <span className="text-soft">{description}</span>,
    },
    {
      id: 'lifetime',
      header: 'Lifetime',
      align: 'right',
      cell: ({ lifetimeDays }) =>
        lifetimeDays ? (
          `${lifetimeDays} ${lifetimeDays === 1 ? 'day' : 'days'}`
        ) : (
          <span className="text-soft">for ever</span>
        ),
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (type) => (
        <IconButton
          label={`Change the lifetime of ${type.name}`}
          icon={<Pencil size={15} />}
          disabledReason={refusal}
          onPress={() => setUrl({ dialog: 'edit', id: type.id }, 'push')}
        />
      ),
    },
  ];

  return (
    <Page
      title="Feature types"
      about="What a feature is for says how long it should live. One that is older than its type allows is marked as potentially stale, so that somebody takes it out of the code."
    >
      <DataTable
        label="Feature types"
        columns={columns}
        count={data.types.length}
        rowAt={(place) => data.types[place]}
        rowKey={(type) => type.id}
      />
      <Suspense fallback={null}>
        {dialog === 'edit' && edited && (
          <EditFeatureType key={id} type={edited} onClose={() => setUrl({ dialog: '', id: '' })} />
        )}
      </Suspense>
    </Page>
  );
}
