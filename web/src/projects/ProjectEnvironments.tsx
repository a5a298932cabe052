import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { counted } from '../kit/counted';
import { EnvironmentName } from '../kit/EnvironmentName';
import { rolloutOf } from '../kit/strategy/strategy';
import { toastError } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { Card } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Switch } from '../ui/Fields';
import { useProjectRefusals } from './can';
import { projectEnvironmentsQuery } from './queries';

type Row = Schemas['ProjectEnvironmentRow'];

/** In which environments the project's features live, and which strategy they begin with there. */
export function ProjectEnvironments({ projectId }: { projectId: string }) {
  const queries = useQueryClient();
  const { data } = useSuspenseQuery(projectEnvironmentsQuery(projectId));
  const refusals = useProjectRefusals(projectId);
  const [, setUrl] = useUrl<{ dialog?: string; environment?: string }>();
  const visible = data.environments.filter((one) => one.visible);
  const touched = () => refresh(queries, [{ kind: 'project', id: projectId }]);

  async function add({ name }: Row) {
    await answered(
      api.POST('/api/admin/projects/{projectId}/environments', {
        params: { path: { projectId } },
        body: { environment: name },
      }),
    );
    await touched();
  }

  function askToRemove({ name, type, projectEnabledToggleCount }: Row) {
    confirm({
      title: `Take ${name} out of this project`,
      verb: 'Take out',
      danger: true,
      body: (
        <p>
          <EnvironmentName name={name} type={type} /> {projectEnabledToggleCount} features of this project are on there.
          They and their strategies there are gone for SDKs.
        </p>
      ),
      act: async () => {
        await answered(
          api.DELETE('/api/admin/projects/{projectId}/environments/{environment}', {
            params: { path: { projectId, environment: name } },
          }),
        );
        await touched();
      },
    });
  }

  return (
    <Card title="Environments">
      <ul className="divide-y">
        {data.environments.map((environment) => (
          <li key={environment.name} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
            <Switch
              label={`${environment.name} in this project`}
              hideLabel
              on={environment.visible}
              disabledReason={
                refusals.update ??
                (environment.visible && visible.length === 1 && 'A project has at least one environment.')
              }
              onChange={(on) => (on ? void add(environment).catch(toastError) : askToRemove(environment))}
            />
            <EnvironmentName name={environment.name} type={environment.type} />
            <span className="text-sm text-soft">
              {environment.projectEnabledToggleCount} on · {counted(environment.projectApiTokenCount ?? 0, 'token')}
            </span>
            {environment.visible && (
              <span className="ml-auto flex items-center gap-2 text-sm">
                {environment.defaultStrategy ? defaultText(environment.defaultStrategy) : 'begins with everybody'}
                <Button
                  kind="quiet"
                  aria-label={`Edit default strategy in ${environment.name}`}
                  disabledReason={refusals.defaultStrategy}
                  onPress={() => setUrl({ dialog: 'default-strategy', environment: environment.name }, 'push')}
                >
                  Edit
                </Button>
              </span>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function defaultText({ name, parameters, constraints = [] }: Schemas['StrategyInput']): string {
  const texts = Object.fromEntries(Object.entries(parameters ?? {}).map(([key, value]) => [key, String(value)]));
  return `begins with ${rolloutOf({ name, parameters: texts })} % of ${constraints.length > 0 ? 'those who fit' : 'everybody'}`;
}
