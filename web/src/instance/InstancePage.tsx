import { useQueryClient, useSuspenseQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import { Suspense } from 'react';
import { answered, api, mountedAt, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { Copy } from '../kit/Copy';
import { confirm } from '../kit/confirm/confirm';
import { linkClass, Page } from '../kit/layout/Page';
import { useSession } from '../kit/session';
import { toast } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Badge, Bar, Card, Fact, Facts } from '../ui/Bits';
import { Button, buttonClass } from '../ui/Button';
import { useInstanceRefusals } from './can';
import { EditCors } from './cors-edit';
import { limitsOf, percentOf } from './limits';
import { outdatedSdksQuery, statisticsQuery } from './queries';

const inWords = new Intl.NumberFormat('en');

export function InstancePage() {
  const [{ data: statistics }, { data: outdated }] = useSuspenseQueries({
    queries: [statisticsQuery, outdatedSdksQuery],
  });
  const [{ dialog }, setUrl] = useUrl<{ dialog?: string }>();

  return (
    <Page title="Instance" about="How this installation of Flagstone is, and what holds for all of it.">
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="flex flex-col gap-4">
          <Version instanceId={statistics.instanceId} />
          <Origins onEdit={() => setUrl({ dialog: 'cors' }, 'push')} />
          <Limits statistics={statistics} />
        </div>
        <div className="flex flex-col gap-4">
          <Maintenance />
          <OutdatedSdks sdks={outdated.sdks} />
          <Statistics statistics={statistics} />
        </div>
      </div>
      <Suspense fallback={null}>{dialog === 'cors' && <EditCors onClose={() => setUrl({ dialog: '' })} />}</Suspense>
    </Page>
  );
}

function Version({ instanceId }: { instanceId: string }) {
  const { version } = useSession();
  return (
    <Card title="Version">
      <Facts>
        <Fact name="Flagstone">{version}</Fact>
        {instanceId && (
          <Fact name="Instance">
            <span className="inline-flex items-center font-mono text-sm">
              {instanceId}
              <Copy text={instanceId} what="the instance’s id" />
            </span>
          </Fact>
        )}
        <Fact name="Licence">
          <a href="https://www.apache.org/licenses/LICENSE-2.0" target="_blank" rel="noreferrer" className={linkClass}>
            Apache-2.0
          </a>
        </Fact>
        <Fact name="API">
          <a href={`${mountedAt}docs/openapi`} className={linkClass}>
            Documentation of the API
          </a>
        </Fact>
      </Facts>
    </Card>
  );
}

function Maintenance() {
  const { config } = useSession();
  const queries = useQueryClient();
  const refusals = useInstanceRefusals();
  const isOn = config.maintenanceMode;

  async function set(enabled: boolean) {
    await answered(api.POST('/api/admin/maintenance', { body: { enabled } }));
    await refresh(queries, [{ kind: 'setting', id: 'maintenance.mode' }]);
    toast(enabled ? 'Maintenance mode has begun.' : 'Maintenance mode has ended.');
  }

  function ask() {
    confirm(
      isOn
        ? {
            title: 'End maintenance mode',
            body: <p>Everybody can change things again, as their permissions allow.</p>,
            verb: 'End maintenance mode',
            act: () => set(false),
          }
        : {
            title: 'Begin maintenance mode',
            body: (
              <p>
                From then on nothing can be changed, by nobody and by no token, until the mode ends; only this switch
                works. SDKs go on getting their features, and what they report is counted.
              </p>
            ),
            verb: 'Begin maintenance mode',
            danger: true,
            act: () => set(true),
          },
    );
  }

  return (
    <Card
      title="Maintenance mode"
      actions={
        <Button disabledReason={refusals.maintenance} onPress={ask}>
          {isOn ? 'End maintenance mode' : 'Begin maintenance mode'}
        </Button>
      }
    >
      <p className="flex flex-wrap items-center gap-2">
        {isOn ? <Badge tone="warn">on</Badge> : <Badge>off</Badge>}
        <span className="text-soft">
          {isOn
            ? 'Nothing can be changed. SDKs are served.'
            : 'While it is on, nothing can be changed: for moves and upgrades.'}
        </span>
      </p>
    </Card>
  );
}

function Origins({ onEdit }: { onEdit: () => void }) {
  const { frontendApiOrigins: origins } = useSession().config;
  const refusals = useInstanceRefusals();
  return (
    <Card
      title="Browsers that may ask"
      actions={
        <Button disabledReason={refusals.cors} onPress={onEdit}>
          Edit origins
        </Button>
      }
    >
      <p className="mb-2 text-soft">
        Pages of these origins may read the frontend API (CORS). Backends are not affected.
      </p>
      {origins.includes('*') && <p>All origins</p>}
      {origins.length === 0 && <p>No origins: only pages of Flagstone itself.</p>}
      {!origins.includes('*') && (
        <ul className="font-mono text-sm">
          {origins.map((origin) => (
            <li key={origin}>{origin}</li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function OutdatedSdks({ sdks }: { sdks: Schemas['OutdatedSdk'][] }) {
  return (
    <Card title="Outdated SDKs">
      {sdks.length === 0 ? (
        <p className="text-soft">None of the SDKs that connect is outdated.</p>
      ) : (
        <ul className="flex flex-col gap-1.5">
          {sdks.map(({ sdkVersion, applications }) => (
            <li key={sdkVersion} className="flex flex-wrap items-baseline gap-x-2">
              <Badge tone="warn">{sdkVersion}</Badge>
              <span className="text-soft">in</span>
              {applications.map((appName) => (
                <Link key={appName} {...paths.application(appName)} className={linkClass}>
                  {appName}
                </Link>
              ))}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Limits({ statistics }: { statistics: Schemas['SignedInstanceAdminStats'] }) {
  const { config } = useSession();
  return (
    <Card title="Limits and their use">
      <table className="w-full text-base">
        <thead className="sr-only">
          <tr>
            <th scope="col">What</th>
            <th scope="col">Used</th>
            <th scope="col">Share</th>
          </tr>
        </thead>
        <tbody>
          {limitsOf(config.resourceLimits, statistics).map((limit) => {
            const percent = percentOf(limit);
            return (
              <tr key={limit.name + (limit.per ?? '')}>
                <th scope="row" className="py-1 pr-3 text-left font-normal">
                  {limit.name} {limit.per && <span className="text-sm text-soft">{limit.per}</span>}
                </th>
                <td className="py-1 pr-3 text-right whitespace-nowrap">
                  {limit.used === undefined ? 'at most ' : `${inWords.format(limit.used)} of `}
                  {inWords.format(limit.most)}
                </td>
                <td className="py-1 text-right whitespace-nowrap sm:w-28">
                  {percent !== undefined && (
                    <>
                      <span className="max-sm:hidden">
                        <Bar percent={percent} tone={percent >= 90 ? 'bad' : percent >= 70 ? 'warn' : 'accent'} />
                      </span>
                      <span className="inline-block w-11 text-sm text-soft">{Math.round(percent)} %</span>
                    </>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p className="mt-2 text-sm text-soft">
        Of what is counted per strategy, constraint or feature, the largest there is counts. Limits are options of the
        server.
      </p>
    </Card>
  );
}

function Statistics({ statistics }: { statistics: Schemas['SignedInstanceAdminStats'] }) {
  const told: [string, number | undefined][] = [
    ['Features', statistics.featureToggles],
    ['Archived features', statistics.archivedFeatureToggles],
    ['Users', statistics.users],
    ['Users active in 7 days', statistics.activeUsers.last7],
    ['Users active in 30 days', statistics.activeUsers.last30],
    ['Service accounts', statistics.serviceAccounts],
    ['Groups', statistics.groups],
    ['Applications in 7 days', statistics.clientApps.find(({ range }) => range === '7d')?.count],
    ['Applications in 30 days', statistics.clientApps.find(({ range }) => range === '30d')?.count],
    ['Types of strategies', statistics.strategies],
    ['Context fields', statistics.contextFields],
    ['Changes in production in 30 days', statistics.productionChanges?.last30],
    ['Exports', statistics.featureExports],
    ['Imports', statistics.featureImports],
  ];
  return (
    <Card
      title="Statistics"
      actions={
        <a
          href={`${mountedAt}api/admin/instance-admin/statistics/csv`}
          download="flagstone-statistics.csv"
          className={buttonClass('plain')}
        >
          <Download size={15} aria-hidden="true" />
          Download as CSV
        </a>
      }
    >
      <dl className="grid grid-cols-[1fr_max-content] gap-x-4 gap-y-1.5">
        {told.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-soft">{name}</dt>
            <dd className="text-right">{value === undefined ? 'not counted' : inWords.format(value)}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
