import { useQueryClient } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { counted } from '../kit/counted';
import { toast, toastError } from '../kit/toast/toasts';
import { Note } from '../ui/Bits';

type Environment = Schemas['EnvironmentRow'];

/** What can be done to an environment without a form. */
export function useEnvironmentDeeds() {
  const queries = useQueryClient();

  async function open({ name }: Environment) {
    try {
      await answered(api.POST('/api/admin/environments/{name}/on', { params: { path: { name } } }));
      await refresh(queries, [{ kind: 'environment', id: name }]);
      toast(`Environment ${name} is open to projects and tokens.`);
    } catch (error) {
      toastError(error);
    }
  }

  function askToClose({ name, type }: Environment) {
    confirm({
      title: `Close environment ${name}`,
      body: (
        <>
          {type === 'production' && <Note tone="warn">This is a production environment.</Note>}
          <p>
            Projects cannot take it any more, and no tokens can be made for it. Whatever uses it already goes on:
            features stay as they are, and SDKs are answered.
          </p>
        </>
      ),
      verb: 'Close environment',
      act: async () => {
        await answered(api.POST('/api/admin/environments/{name}/off', { params: { path: { name } } }));
        await refresh(queries, [{ kind: 'environment', id: name }]);
        toast(`Environment ${name} is closed to projects and tokens.`);
      },
    });
  }

  function askToDelete({ name, type, projectCount, enabledToggleCount, apiTokenCount }: Environment) {
    confirm({
      title: `Delete environment ${name}`,
      body: (
        <>
          {type === 'production' && <Note tone="bad">This is a production environment.</Note>}
          {projectCount || apiTokenCount ? (
            <>
              <p>With it go, for good:</p>
              <ul className="list-disc pl-5">
                <li>
                  strategies, variants and switches of the features in {orNone(projectCount, 'project')};{' '}
                  {orNone(enabledToggleCount, 'feature')} {enabledToggleCount === 1 ? 'is' : 'are'} on in it now
                </li>
                <li>
                  {orNone(apiTokenCount, 'API token')}: SDKs that use one are refused and keep what they knew last
                </li>
              </ul>
            </>
          ) : (
            <p>It is in no project, and no API token is for it: nothing goes but itself.</p>
          )}
        </>
      ),
      verb: 'Delete environment',
      danger: true,
      typed: name,
      act: async () => {
        await answered(api.DELETE('/api/admin/environments/{name}', { params: { path: { name } } }));
        await refresh(queries, [
          { kind: 'environment', id: name },
          { kind: 'api-token', id: '' },
          { kind: 'feature', id: '' },
        ]);
        toast(`Environment ${name} is deleted.`);
      },
    });
  }

  return { open, askToClose, askToDelete };
}

function orNone(count: number | null | undefined, noun: string): string {
  return count ? counted(count, noun) : `no ${noun}s`;
}
