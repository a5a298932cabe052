import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { CircleCheck } from 'lucide-react';
import { useState } from 'react';
import { answered, api, mountedAt } from '../api/client';
import { errorText } from '../api/errors';
import { refresh } from '../api/live';
import { CopyBox } from '../kit/Copy';
import { EnvironmentName } from '../kit/EnvironmentName';
import { FeatureSwitch } from '../kit/features/switching';
import { ProjectFrame } from '../kit/ProjectFrame';
import { featureQuery, projectQuery } from '../kit/queries';
import { useRefusal, useSession } from '../kit/session';
import { useUrl } from '../kit/url';
import { Card, Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { cx } from '../ui/cx';
import { RadioGroup } from '../ui/Fields';
import { Time } from '../ui/Time';
import { sdks } from './sdks';

type Url = { sdk?: string; environment?: string; feature?: string };

/** From a project to an application that asks for its features: an SDK, a token, a snippet, and the first call. */
export function ConnectPage() {
  const { projectId } = useParams({ from: '/signed-in/projects/$projectId/connect' });
  const { value: project } = useSuspenseQuery(projectQuery(projectId)).data;
  const [{ sdk: chosen, environment: named, feature }, setUrl] = useUrl<Url>();
  const [tokens, setTokens] = useState<Record<string, { secret: string; name: string }>>({});
  const session = useSession();
  const queries = useQueryClient();
  const refusal = useRefusal();

  const environments = session.environments.filter(({ name }) =>
    project.environments.some((one) => one.environment === name),
  );
  const environment =
    environments.find(({ name }) => name === named) ??
    environments.find(({ type }) => type === 'development') ??
    environments[0];
  const sdk = sdks.find(({ id }) => id === chosen);
  const place = environment && sdk && `${environment.name} ${sdk.side}`;
  const token = place ? tokens[place] : undefined;

  const create = useMutation({
    mutationFn: async () => {
      if (!environment || !sdk || !place) return;
      const name = `${sdk.id}-${environment.name}-${crypto.randomUUID().slice(0, 8)}`;
      const made = await answered(
        api.POST('/api/admin/projects/{projectId}/api-tokens', {
          params: { path: { projectId } },
          body: { tokenName: name, type: sdk.side, environment: environment.name },
        }),
      );
      await refresh(queries, [{ kind: 'api-token', id: name }]);
      setTokens({ ...tokens, [place]: { secret: made.secret, name } });
    },
  });

  const fill = {
    url: new URL(mountedAt, window.location.origin).href.replace(/\/$/, ''),
    token: token?.secret ?? 'YOUR-TOKEN',
    feature: feature ?? 'my-feature',
  };

  return (
    <ProjectFrame projectId={projectId}>
      <ol className="flex max-w-4xl flex-col gap-4">
        <li>
          <Card title="1. Choose an SDK">
            <fieldset className="grid grid-cols-2 gap-2 sm:grid-cols-4 lg:grid-cols-5">
              <legend className="sr-only">SDK</legend>
              {sdks.map(({ id, name }) => (
                <button
                  key={id}
                  type="button"
                  aria-pressed={id === sdk?.id}
                  onClick={() => setUrl({ sdk: id })}
                  className={cx(
                    'rounded-md border px-3 py-2 text-sm font-medium',
                    id === sdk?.id ? 'border-accent bg-accent-wash text-accent' : 'border-line-strong hover:bg-sunken',
                  )}
                >
                  {name}
                </button>
              ))}
            </fieldset>
            <RadioGroup
              className="mt-4"
              label="Environment"
              value={environment?.name ?? ''}
              onChange={(environment) => setUrl({ environment })}
              options={environments.map(({ name, type }) => ({
                value: name,
                label: type === name ? name : `${name} (${type})`,
              }))}
            />
          </Card>
        </li>
        {sdk && environment && (
          <>
            <li>
              <Card title="2. Make a token">
                <p className="mb-3 text-soft">
                  It reads the features of this project in{' '}
                  <EnvironmentName name={environment.name} type={environment.type} />
                  {sdk.side === 'frontend'
                    ? ', and may be seen by the people who use your application.'
                    : '. Keep it on your servers.'}
                </p>
                {token ? (
                  <>
                    <Note tone="warn">
                      Copy it now, or the snippet below: it is shown this once and cannot be looked up later.
                    </Note>
                    <div className="mt-2">
                      <CopyBox text={token.secret} what="token" />
                    </div>
                  </>
                ) : (
                  <Button
                    kind="primary"
                    isPending={create.isPending}
                    disabledReason={refusal(['CREATE_PROJECT_API_TOKEN'], projectId, environment.name)}
                    onPress={() => create.mutate()}
                  >
                    Create token
                  </Button>
                )}
                {create.error && <Note tone="bad">{errorText(create.error)}</Note>}
              </Card>
            </li>
            <li>
              <Card title="3. Ask for a feature">
                {sdk.install && (
                  <div className="mb-2">
                    <CopyBox text={sdk.install} what="command to install" />
                  </div>
                )}
                <CopyBox text={sdk.snippet(fill)} what="snippet" />
                {feature && <SwitchHere projectId={projectId} feature={feature} environment={environment.name} />}
              </Card>
            </li>
            <li>
              <Card title="4. The first call">
                {token ? (
                  <FirstCall projectId={projectId} tokenName={token.name} />
                ) : (
                  <p className="text-soft">Shows up here by itself once the token is used.</p>
                )}
              </Card>
            </li>
          </>
        )}
      </ol>
    </ProjectFrame>
  );
}

function SwitchHere({ projectId, feature, environment }: { projectId: string; feature: string; environment: string }) {
  const { data } = useQuery(featureQuery(projectId, feature));
  const here = data?.value.feature.environments.find(({ name }) => name === environment);
  if (!here) return null;
  return (
    <p className="mt-3 flex items-center gap-2">
      <FeatureSwitch
        place={{
          project: projectId,
          feature,
          environment,
          type: here.type,
          enabled: here.enabled,
          hasStrategies: here.strategies.length > 0,
          hasEnabledStrategies: here.strategies.some(({ disabled }) => !disabled),
        }}
      />
      {feature} is {here.enabled ? 'on' : 'off'} in {environment}.
    </p>
  );
}

/** Looks every two seconds whether the token has been used: calls of SDKs are no commits, so no stream tells of them. */
function FirstCall({ projectId, tokenName }: { projectId: string; tokenName: string }) {
  const { data } = useQuery({
    queryKey: ['first-call', projectId, tokenName],
    queryFn: async () => {
      const { tokens } = await answered(
        api.GET('/api/admin/projects/{projectId}/api-tokens', { params: { path: { projectId } } }),
      );
      return tokens.find((one) => one.tokenName === tokenName)?.seenAt ?? null;
    },
    refetchInterval: ({ state }) => (state.data ? false : 2000),
  });
  if (data) {
    return (
      <p role="status" className="flex items-center gap-2 font-medium text-good">
        <CircleCheck size={18} aria-hidden="true" /> Connected: an application asked for its features <Time at={data} />
        .
      </p>
    );
  }
  return (
    <p role="status" className="text-soft">
      <span className="animate-pulse" aria-hidden="true">
        ●{' '}
      </span>
      Waiting for the first call. Run the snippet.
    </p>
  );
}
