import { useQueryClient, useSuspenseQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Trash2 } from 'lucide-react';
import type { Schemas } from '../api/client';
import { Empty } from '../kit/Empty';
import { EnvironmentNames } from '../kit/EnvironmentNames';
import { linkClass, Page } from '../kit/layout/Page';
import { useProjectName } from '../kit/ProjectLink';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { paths } from '../paths';
import { Badge } from '../ui/Bits';
import { buttonClass, IconButton } from '../ui/Button';
import { Time } from '../ui/Time';
import { askToDelete } from './application-delete';
import { useApplicationRefusals } from './can';
import { applicationsQuery, outdatedSdksQuery } from './queries';

type Row = Schemas['ApplicationRow'];

export function ApplicationsPage() {
  const [{ data }, { data: outdated }] = useSuspenseQueries({ queries: [applicationsQuery, outdatedSdksQuery] });
  const refusals = useApplicationRefusals();
  const queries = useQueryClient();
  const projectName = useProjectName();
  const oldOf = (appName: string) =>
    outdated.sdks.filter(({ applications }) => applications.includes(appName)).map(({ sdkVersion }) => sdkVersion);
  const environmentsOf = ({ usage }: Row) => [...new Set(usage.flatMap(({ environments }) => environments))];

  const columns: Column<Row>[] = [
    {
      id: 'name',
      header: 'Name',
      order: ({ appName }) => appName,
      cell: ({ appName, description }) => (
        <>
          <Link {...paths.application(appName)} className={linkClass}>
            {appName}
          </Link>
          {description && <span className="ml-2 text-sm text-soft max-md:hidden">{description}</span>}
        </>
      ),
    },
    {
      id: 'environments',
      header: 'Environments',
      wide: true,
      optional: true,
      cell: (row) => <EnvironmentNames names={environmentsOf(row)} />,
    },
    {
      id: 'projects',
      header: 'Projects',
      wide: true,
      optional: true,
      cell: ({ usage }) =>
        usage.map(({ project }) => (project === '*' ? 'all projects' : projectName(project))).join(', ') || (
          <span className="text-soft">none yet</span>
        ),
    },
    {
      id: 'issues',
      header: 'Issues',
      order: ({ appName }) => -oldOf(appName).length,
      cell: ({ appName }) => {
        const old = oldOf(appName);
        if (old.length === 0) return <span className="text-soft">none</span>;
        return (
          <span className="flex flex-wrap gap-1">
            {old.map((sdk) => (
              <Badge key={sdk} tone="warn">
                <span className="max-sm:whitespace-normal">outdated: {sdk}</span>
              </Badge>
            ))}
          </span>
        );
      },
    },
    {
      id: 'seen',
      header: 'Last seen',
      order: ({ updatedAt }) => updatedAt,
      cell: ({ updatedAt }) => <Time at={updatedAt} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: ({ appName }) => (
        <IconButton
          label={`Delete ${appName}`}
          icon={<Trash2 size={15} />}
          disabledReason={refusals.delete}
          onPress={() => askToDelete(queries, appName, () => {})}
        />
      ),
    },
  ];

  return (
    <Page
      title="Applications"
      about="Everything that asks for features: each application is named by its SDK, and counted here once it connects."
    >
      <ListTable
        label="Applications"
        rows={data.applications}
        columns={columns}
        rowKey={({ appName }) => appName}
        text={(row) => `${row.appName} ${row.description ?? ''} ${environmentsOf(row).join(' ')}`}
        empty={
          <Empty
            title="No application has connected yet"
            action={
              <Link {...paths.connect('default')} className={buttonClass('primary')}>
                Connect an SDK
              </Link>
            }
          >
            An application connects with an API token and an SDK of its language; a few lines of code are enough.
          </Empty>
        }
      />
    </Page>
  );
}
