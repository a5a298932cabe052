import { useSuspenseQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { Empty } from '../kit/Empty';
import { EnvironmentName } from '../kit/EnvironmentName';
import { linkClass } from '../kit/layout/Page';
import { ProjectFrame } from '../kit/ProjectFrame';
import { useSession } from '../kit/session';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { paths } from '../paths';
import { buttonClass } from '../ui/Button';
import { projectApplicationsQuery } from './queries';

type Row = Schemas['ProjectApplication'];

export function ProjectApplicationsPage() {
  const { projectId } = useParams({ from: '/signed-in/projects/$projectId/applications' });
  const { data } = useSuspenseQuery(projectApplicationsQuery(projectId));
  return (
    <ProjectFrame projectId={projectId}>
      <ListTable
        label="Applications"
        rows={data.applications}
        columns={columns}
        rowKey={({ name }) => name}
        text={({ name, sdks }) => `${name} ${sdks.map((sdk) => sdk.name).join(' ')}`}
        empty={
          <Empty
            title="No application has asked for this project’s features"
            action={
              <Link {...paths.connect(projectId)} className={buttonClass('primary')}>
                Connect an SDK
              </Link>
            }
          >
            Applications show up here by themselves once they report what they use.
          </Empty>
        }
      />
    </ProjectFrame>
  );
}

const columns: Column<Row>[] = [
  {
    id: 'name',
    header: 'Name',
    order: ({ name }) => name,
    cell: ({ name }) => (
      <Link {...paths.application(name)} className={linkClass}>
        {name}
      </Link>
    ),
  },
  { id: 'environments', header: 'Environments', cell: ({ environments }) => <Environments names={environments} /> },
  {
    id: 'instances',
    header: 'Instances',
    align: 'right',
    wide: true,
    order: ({ instances }) => instances.length,
    cell: ({ instances }) => instances.length,
  },
  {
    id: 'sdks',
    header: 'SDKs',
    wide: true,
    cell: ({ sdks }) => sdks.map(({ name, versions }) => `${name} ${versions.join(', ')}`).join('; '),
  },
];

function Environments({ names }: { names: string[] }) {
  const { environments } = useSession();
  return (
    <span className="flex flex-wrap gap-1">
      {names.map((name) => (
        <EnvironmentName key={name} name={name} type={environments.find((one) => one.name === name)?.type ?? ''} />
      ))}
    </span>
  );
}
