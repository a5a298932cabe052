import { useQueryClient } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
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
          <p>With it go, for good:</p>
          <ul className="list-disc pl-5">
            <li>
              {many(projectCount, 'project has', 'projects have')} it: their features lose their strategies, variants
              and switches in it. {many(enabledToggleCount, 'feature is', 'features are')} on there now.
            </li>
            <li>{many(apiTokenCount, 'API token stops', 'API tokens stop')} working at once.</li>
          </ul>
          <p>SDKs that ask with these tokens are refused and keep what they knew last.</p>
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

function many(count: number | null | undefined, one: string, more: string): string {
  if (!count) return `No ${one}`;
  return count === 1 ? `1 ${one}` : `${count} ${more}`;
}
