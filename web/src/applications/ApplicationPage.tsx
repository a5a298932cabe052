import { useQueryClient, useSuspenseQueries } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { Trash2 } from 'lucide-react';
import type { Schemas } from '../api/client';
import { Empty } from '../kit/Empty';
import { EnvironmentName } from '../kit/EnvironmentName';
import { linkClass, Page } from '../kit/layout/Page';
import { ProjectLink } from '../kit/ProjectLink';
import { useSession } from '../kit/session';
import { type Column, DataTable } from '../kit/table/DataTable';
import { paths } from '../paths';
import { Badge, Card, Fact, Facts, Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { askToDelete } from './application-delete';
import { useApplicationRefusals } from './can';
import { applicationOverviewQuery, applicationQuery } from './queries';

type Instance = Schemas['ApplicationInstance'];

export function ApplicationPage() {
  const { name } = useParams({ from: '/signed-in/applications/$name' });
  const [{ data: application }, { data: overview }] = useSuspenseQueries({
    queries: [applicationQuery(name), applicationOverviewQuery(name)],
  });
  const refusals = useApplicationRefusals();
  const queries = useQueryClient();
  const navigate = useNavigate();

  return (
    <Page
      title={name}
      about={application.description}
      crumbs={[{ name: 'Applications', link: paths.applications() }]}
      actions={
        <Button
          icon={<Trash2 size={15} aria-hidden="true" />}
          disabledReason={refusals.delete}
          onPress={() => askToDelete(queries, name, () => void navigate({ ...paths.applications(), replace: true }))}
        >
          Delete application
        </Button>
      }
    >
      <Issues overview={overview} />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title="In short">
          <Facts>
            <Fact name="First seen">
              <Time at={application.createdAt} />
            </Fact>
            <Fact name="Projects">
              {overview.projects.length === 0
                ? 'none yet'
                : overview.projects.map((project) => (
                    <span key={project} className="mr-2">
                      <ProjectLink id={project} />
                    </span>
                  ))}
            </Fact>
            <Fact name="Features">{overview.featureCount} asked for</Fact>
            <Fact name="Instances">{application.instances.length} seen of late</Fact>
            {application.url && (
              <Fact name="Home page">
                <a href={application.url} className={linkClass} rel="noreferrer" target="_blank">
                  {application.url}
                </a>
              </Fact>
            )}
          </Facts>
        </Card>
        <Card title="Strategies its SDK knows">
          {application.strategies.length === 0 ? (
            <p className="text-soft">Its SDK has not told.</p>
          ) : (
            <ul className="flex flex-wrap gap-1.5">
              {application.strategies.map((strategy) => (
                <li key={strategy.name}>
                  <Badge tone={'notFound' in strategy ? 'warn' : 'neutral'}>
                    {strategy.name}
                    {'notFound' in strategy && ' (not known here)'}
                  </Badge>
                </li>
              ))}
            </ul>
          )}
        </Card>
      </div>
      <Environments overview={overview} instances={application.instances} />
      <SeenFeatures features={application.seenToggles} />
    </Page>
  );
}

function Issues({ overview }: { overview: Schemas['ApplicationOverview'] }) {
  const where = (has: (issues: Schemas['ApplicationEnvironmentIssues']) => string[], what: string) =>
    overview.environments.filter(({ issues }) => has(issues).includes(what)).map(({ name }) => name);
  const all = (has: (issues: Schemas['ApplicationEnvironmentIssues']) => string[]) => [
    ...new Set(overview.environments.flatMap(({ issues }) => has(issues))),
  ];
  const missing = ({ missingFeatures }: Schemas['ApplicationEnvironmentIssues']) => missingFeatures;
  const outdated = ({ outdatedSdks }: Schemas['ApplicationEnvironmentIssues']) => outdatedSdks;
  const told = [
    ...all(missing).map((feature) => ({
      key: `feature ${feature}`,
      text: (
        <>
          It asks for <strong>{feature}</strong>, which does not exist, in {where(missing, feature).join(' and ')}.
        </>
      ),
    })),
    ...all(outdated).map((sdk) => ({
      key: `sdk ${sdk}`,
      text: (
        <>
          It runs <strong>{sdk}</strong>, which is outdated, in {where(outdated, sdk).join(' and ')}. Update the SDK in
          its code.
        </>
      ),
    })),
    ...overview.issues.missingStrategies.map((strategy) => ({
      key: `strategy ${strategy}`,
      text: (
        <>
          Its SDK knows the strategy <strong>{strategy}</strong>, which is not defined here.
        </>
      ),
    })),
  ];
  if (told.length === 0) return null;
  return (
    <Note tone="warn">
      <ul className="flex flex-col gap-1">
        {told.map(({ key, text }) => (
          <li key={key}>{text}</li>
        ))}
      </ul>
      {all(missing).length > 0 && (
        <p className="mt-1">
          <Link {...paths.unknownFlags()} className={linkClass}>
            All unknown flags
          </Link>
        </p>
      )}
    </Note>
  );
}

function Environments(props: { overview: Schemas['ApplicationOverview']; instances: Instance[] }) {
  const { environments } = useSession();
  if (props.overview.environments.length === 0)
    return <Empty title="No instance was seen of late">Instances are forgotten a while after their last report.</Empty>;
  const columns: Column<Instance>[] = [
    { id: 'id', header: 'Instance', cell: ({ instanceId }) => instanceId },
    { id: 'sdk', header: 'SDK', cell: ({ sdkVersion }) => sdkVersion ?? <span className="text-soft">not told</span> },
    { id: 'kind', header: 'Runs in', wide: true, cell: ({ sdkType }) => sdkType ?? '' },
    { id: 'ip', header: 'Address', wide: true, cell: ({ clientIp }) => clientIp ?? '' },
    { id: 'seen', header: 'Last seen', cell: ({ lastSeen }) => <Time at={lastSeen} /> },
  ];
  return props.overview.environments.map(({ name, instanceCount, lastSeen }) => {
    const there = props.instances.filter(({ environment }) => environment === name);
    return (
      <section key={name} className="flex flex-col gap-2">
        <h2 className="flex flex-wrap items-center gap-2 font-semibold">
          <EnvironmentName name={name} type={environments.find((one) => one.name === name)?.type ?? ''} />
          <span>
            {instanceCount} {instanceCount === 1 ? 'instance' : 'instances'}
          </span>
          <span className="text-sm font-normal text-soft">
            last seen <Time at={lastSeen} />
          </span>
        </h2>
        <DataTable
          label={`Instances in ${name}`}
          columns={columns}
          count={there.length}
          rowAt={(place) => there[place]}
          rowKey={({ instanceId, sdkVersion }) => `${instanceId} ${sdkVersion}`}
        />
      </section>
    );
  });
}

function SeenFeatures({ features }: { features: Schemas['SeenFeature'][] }) {
  return (
    <Card title="Features it asks for">
      {features.length === 0 ? (
        <p className="text-soft">None was reported yet: SDKs tell about once a minute which features were asked for.</p>
      ) : (
        <ul className="grid gap-x-6 gap-y-1.5 sm:grid-cols-2 lg:grid-cols-3">
          {features.map(({ name, project, archived, stale }) => (
            <li key={name} className="flex flex-wrap items-center gap-2">
              <Link {...paths.feature(project, name)} className={linkClass}>
                {name}
              </Link>
              {archived && <Badge tone="warn">archived</Badge>}
              {stale && <Badge tone="warn">stale</Badge>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
