import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { Suspense } from 'react';
import type { Schemas } from '../api/client';
import { Copy } from '../kit/Copy';
import { Empty } from '../kit/Empty';
import { EnvironmentNames } from '../kit/EnvironmentNames';
import { CreateFeature } from '../kit/features/CreateFeature';
import { linkClass, Page } from '../kit/layout/Page';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { useUnknownFlagRefusals } from './can';
import { unknownFlagsQuery } from './queries';

type UnknownFlag = Schemas['UnknownFlag'];

export function UnknownFlagsPage() {
  const { data } = useSuspenseQuery(unknownFlagsQuery);
  const [{ dialog, id }, setUrl] = useUrl<{ dialog?: string; id?: string }>();
  const refusals = useUnknownFlagRefusals();

  const columns: Column<UnknownFlag>[] = [
    {
      id: 'name',
      header: 'Name',
      order: ({ name }) => name,
      cell: ({ name, lastEventAt }) => (
        <span className="flex flex-wrap items-center gap-x-2">
          <span className="inline-flex items-center font-medium">
            {name}
            <span className="max-md:hidden">
              <Copy text={name} what={name} />
            </span>
          </span>
          {lastEventAt && (
            <Link {...paths.events({ feature: name })} className={`${linkClass} text-sm`}>
              existed before
            </Link>
          )}
        </span>
      ),
    },
    {
      id: 'where',
      header: 'Asked for by',
      cell: ({ reports }) => (
        <ul className="flex flex-col gap-1">
          {reports.map(({ appName, environments }) => (
            <li key={appName} className="flex flex-wrap items-center gap-1.5">
              <Link {...paths.application(appName)} className={linkClass}>
                {appName}
              </Link>
              <EnvironmentNames names={environments.map(({ environment }) => environment)} />
            </li>
          ))}
        </ul>
      ),
    },
    {
      id: 'seen',
      header: 'Last asked for',
      wide: true,
      order: ({ lastSeenAt }) => lastSeenAt,
      cell: ({ lastSeenAt }) => <Time at={lastSeenAt} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      align: 'right',
      cell: ({ name }) => (
        <Button
          icon={<Plus size={15} aria-hidden="true" />}
          aria-label={`Create feature ${name}`}
          disabledReason={refusals.create}
          onPress={() => setUrl({ dialog: 'create', id: name }, 'push')}
        >
          Create
        </Button>
      ),
    },
  ];

  return (
    <Page
      title="Unknown flags"
      about="Names that SDKs ask for though there is no such feature: a typing error, a feature that was deleted too early, or one that is still to be created. Until then SDKs answer with what the code gives as default."
    >
      <ListTable
        label="Unknown flags"
        rows={data.unknownFlags}
        columns={columns}
        rowKey={({ name }) => name}
        text={({ name, reports }) => `${name} ${reports.map(({ appName }) => appName).join(' ')}`}
        empty={
          <Empty title="No unknown flags">
            Whatever SDKs ask for exists. Should one ask for a name that does not, it is listed here within minutes.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && id && (
          <CreateFeature key={id} name={id} onClose={() => setUrl({ dialog: '', id: '' })} />
        )}
      </Suspense>
    </Page>
  );
}
