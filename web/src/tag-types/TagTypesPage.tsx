import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Pencil, Plus, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { Empty } from '../kit/Empty';
import { Page } from '../kit/layout/Page';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { toast } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { Button, IconButton } from '../ui/Button';
import { useTagTypeRefusals } from './can';
import { colourName } from './colours';
import { tagTypesQuery } from './queries';
import { CreateTagType } from './tag-type-create';
import { EditTagType } from './tag-type-edit';

type TagType = Schemas['TagType'];

export function TagTypesPage() {
  const { data } = useSuspenseQuery(tagTypesQuery);
  const [{ dialog, id }, setUrl] = useUrl<{ dialog?: string; id?: string }>();
  const refusals = useTagTypeRefusals();
  const queries = useQueryClient();

  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusals.create}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create tag type
    </Button>
  );

  function askToDelete({ name }: TagType) {
    confirm({
      title: `Delete tag type ${name}`,
      body: <p>Features keep no tags of this type: they are taken from all of them.</p>,
      verb: 'Delete tag type',
      danger: true,
      act: async () => {
        await answered(api.DELETE('/api/admin/tag-types/{name}', { params: { path: { name } } }));
        await refresh(queries, [{ kind: 'tag-type', id: name }]);
        toast(`Tag type ${name} is deleted.`);
      },
    });
  }

  const columns: Column<TagType>[] = [
    {
      id: 'name',
      header: 'Name',
      order: ({ name }) => name,
      cell: ({ name }) => <span className="font-medium">{name}</span>,
    },
    {
      id: 'color',
      header: 'Colour',
      order: ({ color }) => color ?? '',
      cell: ({ color }) =>
        color ? (
          <span className="inline-flex items-center gap-2">
            <span aria-hidden="true" className="size-3 shrink-0 rounded-full border" style={{ background: color }} />
            {colourName(color)}
          </span>
        ) : (
          <span className="text-soft">none</span>
        ),
    },
    { id: 'description', header: 'Description', wide: true, cell: ({ description }) => description },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: (tagType) => (
        <>
          <IconButton
            label={`Edit ${tagType.name}`}
            icon={<Pencil size={15} />}
            disabledReason={refusals.update}
            onPress={() => setUrl({ dialog: 'edit', id: tagType.name }, 'push')}
          />
          <IconButton
            label={`Delete ${tagType.name}`}
            icon={<Trash2 size={15} />}
            disabledReason={refusals.delete}
            onPress={() => askToDelete(tagType)}
          />
        </>
      ),
    },
  ];

  return (
    <Page
      title="Tag types"
      about="Tags group features across projects. Every tag has a type, as team or ticket."
      actions={create}
    >
      <ListTable
        label="Tag types"
        rows={data.tagTypes}
        columns={columns}
        rowKey={({ name }) => name}
        text={({ name, description }) => `${name} ${description ?? ''}`}
        empty={
          <Empty title="No tag types yet" action={create}>
            With a type of tag, features can be found by what they have in common, whatever their project.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateTagType onClose={() => setUrl({ dialog: '' })} />}
        {dialog === 'edit' && id && <EditTagType key={id} name={id} onClose={() => setUrl({ dialog: '', id: '' })} />}
      </Suspense>
    </Page>
  );
}
