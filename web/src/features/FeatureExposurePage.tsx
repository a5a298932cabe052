import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { Empty } from '../kit/Empty';
import { EventRow } from '../kit/events/EventRow';
import { FeatureFrame, useFeature } from '../kit/features/FeatureFrame';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Bar, Card } from '../ui/Bits';
import { buttonClass } from '../ui/Button';
import { SelectField } from '../ui/Fields';
import { byHour, total } from './exposure';
import { exposureQuery } from './queries';

const ExposurePlot = lazy(() => import('./ExposurePlot'));
const spans = ['24', '48', '168', '672'] as const;
const spanNames: Record<(typeof spans)[number], string> = {
  '24': 'Last day',
  '48': 'Last two days',
  '168': 'Last week',
  '672': 'Last four weeks',
};

/** How often the feature was asked for and given, beside the changes to it. */
export function FeatureExposurePage() {
  const { projectId, featureName } = useParams({
    from: '/signed-in/projects/$projectId/features/$featureName/exposure',
  });
  const { feature } = useFeature(projectId, featureName);
  const [{ environment: named, hours: chosen }, setUrl] = useUrl<{ environment?: string; hours?: string }>();
  const span = spans.find((one) => one === chosen) ?? '48';
  const { data: exposure, dataUpdatedAt } = useQuery(exposureQuery(projectId, featureName, Number(span)));
  const environment =
    feature.environments.find(({ name }) => name === named) ??
    feature.environments.find(({ type }) => type === 'production') ??
    feature.environments[0];

  const hours = useMemo(
    () => byHour(exposure?.hours ?? [], environment?.name ?? '', Number(span), dataUpdatedAt || Date.now()),
    [exposure, environment?.name, span, dataUpdatedAt],
  );
  const sum = total(hours);
  const asked = sum.yes + sum.no;
  const changes = useMemo(
    () => (exposure?.changes ?? []).filter((event) => !event.environment || event.environment === environment?.name),
    [exposure, environment?.name],
  );
  const marks = useMemo(
    () => changes.map(({ createdAt, label }) => ({ at: Date.parse(createdAt), text: label })),
    [changes],
  );
  const inSpan = changes.filter(({ createdAt }) => Date.parse(createdAt) >= (hours[0]?.at ?? 0));

  return (
    <FeatureFrame projectId={projectId} featureName={featureName}>
      <div className="flex flex-wrap gap-3">
        <SelectField
          label="Environment"
          className="w-52"
          value={environment?.name ?? ''}
          onChange={(environment) => setUrl({ environment })}
          options={feature.environments.map(({ name }) => ({ value: name, label: name }))}
        />
        <SelectField
          label="Time"
          className="w-44"
          value={span}
          onChange={(hours) => setUrl({ hours })}
          options={spans.map((value) => ({ value, label: spanNames[value] }))}
        />
      </div>
      {exposure && asked === 0 ? (
        <Empty
          title="Nobody has asked for it here in this time"
          action={
            <Link {...paths.connect(projectId, featureName)} className={buttonClass()}>
              Connect an SDK
            </Link>
          }
        >
          SDKs report about once a minute how often they gave the feature and how often not.
        </Empty>
      ) : (
        <>
          <div className="grid gap-4 md:grid-cols-3">
            <Card title="Asked for">
              <p className="text-xl font-semibold">{asked.toLocaleString('en')} times</p>
            </Card>
            <Card title="Given">
              <p className="text-xl font-semibold">
                {asked > 0 ? Math.round((sum.yes / asked) * 1000) / 10 : 0} %{' '}
                <Bar percent={asked > 0 ? (sum.yes / asked) * 100 : 0} tone="good" />
              </p>
              <p className="text-soft">{sum.yes.toLocaleString('en')} times</p>
            </Card>
            <Card title="Variants">
              {Object.keys(sum.variants).length === 0 && <p className="text-soft">None were reported.</p>}
              <ul>
                {Object.entries(sum.variants).map(([name, count]) => (
                  <li key={name} className="flex items-center justify-between gap-2">
                    <span>{name}</span>
                    <span>
                      <Bar percent={asked > 0 ? (count / asked) * 100 : 0} /> {count.toLocaleString('en')}
                    </span>
                  </li>
                ))}
              </ul>
            </Card>
          </div>
          <Card title="Hour by hour">
            <Suspense fallback={<div className="min-h-[300px]" />}>
              <ExposurePlot
                hours={hours}
                marks={marks}
                label={`${featureName} in ${environment?.name}: given ${sum.yes} times of ${asked}, with the changes to it`}
              />
            </Suspense>
            <details>
              <summary className="rounded-sm text-sm text-soft">The same as a table</summary>
              <table className="mt-2 w-full max-w-lg text-sm">
                <thead>
                  <tr>
                    <th className="text-left">Hour</th>
                    <th className="text-right">Gave it</th>
                    <th className="text-right">Did not</th>
                  </tr>
                </thead>
                <tbody>
                  {hours
                    .filter(({ yes, no }) => yes + no > 0)
                    .map(({ at, yes, no }) => (
                      <tr key={at}>
                        <td>{new Date(at).toLocaleString('en-GB')}</td>
                        <td className="text-right">{yes.toLocaleString('en')}</td>
                        <td className="text-right">{no.toLocaleString('en')}</td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </details>
          </Card>
        </>
      )}
      <Card title="Changes in this time">
        {inSpan.length === 0 && <p className="text-soft">None.</p>}
        <ol className="divide-y">
          {inSpan.map((event) => (
            <EventRow key={event.id} event={event} where={false} relative />
          ))}
        </ol>
      </Card>
    </FeatureFrame>
  );
}
