import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ArchiveRestore, Plus, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { Empty } from '../kit/Empty';
import { Favorite } from '../kit/features/Favorite';
import { linkClass, Page } from '../kit/layout/Page';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { toast } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Badge, Bar } from '../ui/Bits';
import { Button, IconButton } from '../ui/Button';
import { Time } from '../ui/Time';
import { useProjectRefusals } from './can';
import { CreateProject } from './project-create';
import { projectsQuery } from './queries';

type ProjectRow = Schemas['ProjectRow'];

export function ProjectsPage() {
  const [{ dialog, archived }, setUrl] = useUrl<{ dialog?: string; archived?: string }>();
  const { data } = useSuspenseQuery(projectsQuery(archived === 'true'));
  const refusals = useProjectRefusals();
  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusals.create}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create project
    </Button>
  );
  return (
    <Page
      title={archived ? 'Archived projects' : 'Projects'}
      {...(archived ? { crumbs: [{ name: 'Projects', link: paths.projects() }] } : {})}
      actions={
        !archived && (
          <>
            <Button onPress={() => setUrl({ archived: 'true' }, 'push')}>Archive</Button>
            {create}
          </>
        )
      }
    >
      <ListTable
        label="Projects"
        rows={data.projects}
        columns={archived ? archivedColumns : columns}
        rowKey={({ id }) => id}
        text={({ id, name, description }) => `${id} ${name} ${description ?? ''}`}
        empty={
          archived ? (
            <Empty title="No archived projects">
              A project without features can be archived in its settings. From here it comes back, or goes for good.
            </Empty>
          ) : (
            <Empty title="No projects" action={create}>
              A project holds the features of a team or a product, and says who may change them.
            </Empty>
          )
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateProject onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </Page>
  );
}

const columns: Column<ProjectRow>[] = [
  {
    id: 'name',
    header: 'Name',
    order: ({ name }) => name,
    cell: ({ id, name, favorite, mode }) => (
      <span className="flex items-center gap-1">
        <Favorite project={id} favorite={favorite ?? false} />
        <span>
          <Link {...paths.project(id)} className={linkClass}>
            {name}
          </Link>{' '}
          {mode !== 'open' && <Badge tone="violet">{mode}</Badge>}
        </span>
      </span>
    ),
  },
  {
    id: 'id',
    header: 'Id',
    wide: true,
    optional: true,
    order: ({ id }) => id,
    cell: ({ id }) => <span className="font-mono text-sm">{id}</span>,
  },
  {
    id: 'features',
    header: 'Features',
    align: 'right',
    order: ({ featureCount }) => featureCount,
    cell: ({ featureCount }) => featureCount,
  },
  {
    id: 'members',
    header: 'Members',
    align: 'right',
    wide: true,
    optional: true,
    order: ({ memberCount }) => memberCount,
    cell: ({ memberCount }) => memberCount,
  },
  {
    id: 'health',
    header: 'Health',
    align: 'right',
    order: ({ health }) => health,
    cell: ({ health }) => (
      <span className="inline-flex items-center gap-2 whitespace-nowrap">
        <Bar percent={health} tone={health >= 80 ? 'good' : health >= 50 ? 'warn' : 'bad'} />
        {health} %
      </span>
    ),
  },
  {
    id: 'updated',
    header: 'Changed',
    wide: true,
    optional: true,
    order: ({ lastUpdatedAt }) => lastUpdatedAt,
    cell: ({ lastUpdatedAt }) => <Time at={lastUpdatedAt} />,
  },
  {
    id: 'seen',
    header: 'Last seen',
    wide: true,
    optional: true,
    order: ({ lastReportedFlagUsage }) => lastReportedFlagUsage ?? '',
    cell: ({ lastReportedFlagUsage }) => <Time at={lastReportedFlagUsage} />,
  },
];

const archivedColumns: Column<ProjectRow>[] = [
  {
    id: 'name',
    header: 'Name',
    order: ({ name }) => name,
    cell: ({ name }) => <span className="font-medium">{name}</span>,
  },
  {
    id: 'archived',
    header: 'Archived',
    order: ({ archivedAt }) => archivedAt ?? '',
    cell: ({ archivedAt }) => <Time at={archivedAt} />,
  },
  { id: 'actions', header: 'Actions', align: 'right', cell: (project) => <ArchivedActions project={project} /> },
];

function ArchivedActions({ project: { id, name } }: { project: ProjectRow }) {
  const queries = useQueryClient();
  const refusals = useProjectRefusals(id);
  const params = { path: { projectId: id } };

  function askToRevive() {
    confirm({
      title: `Revive project ${name}`,
      verb: 'Revive project',
      body: <p>The project comes back. Its features stay in the archive until they are revived themselves.</p>,
      act: async () => {
        await answered(api.POST('/api/admin/projects/revive/{projectId}', { params }));
        await refresh(queries, [{ kind: 'project', id }]);
        toast(`Project ${name} is back.`);
      },
    });
  }

  function askToDelete() {
    confirm({
      title: `Delete project ${name}`,
      verb: 'Delete project',
      danger: true,
      typed: id,
      body: <p>The project is gone for good, with its archived features and its tokens.</p>,
      act: async () => {
        await answered(api.DELETE('/api/admin/projects/{projectId}', { params }));
        await refresh(queries, [{ kind: 'project', id }]);
        toast(`Project ${name} is deleted.`);
      },
    });
  }

  return (
    <>
      <IconButton
        label={`Revive ${name}`}
        icon={<ArchiveRestore size={15} />}
        disabledReason={refusals.delete}
        onPress={askToRevive}
      />
      <IconButton
        label={`Delete ${name}`}
        icon={<Trash2 size={15} />}
        disabledReason={refusals.delete}
        onPress={askToDelete}
      />
    </>
  );
}
