import type { QueryClient } from '@tanstack/react-query';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { toast } from '../kit/toast/toasts';

/** Asks whether an application is to be forgotten. */
export function askToDelete(queries: QueryClient, appName: string, then: () => void) {
  confirm({
    title: `Delete application ${appName}`,
    body: (
      <p>
        What is known about it is forgotten: its instances, what it uses, how it was described. SDKs that still run get
        their features as before, and the application is listed again as soon as one of them reports.
      </p>
    ),
    verb: 'Delete application',
    danger: true,
    act: async () => {
      await answered(api.DELETE('/api/admin/metrics/applications/{appName}', { params: { path: { appName } } }));
      then();
      await refresh(queries, [{ kind: 'application', id: appName }]);
      toast(`Application ${appName} is deleted.`);
    },
  });
}
