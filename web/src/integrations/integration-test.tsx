import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Send } from 'lucide-react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { toastError } from '../kit/toast/toasts';
import { Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { useIntegrationRefusals } from './can';

/** Tells an integration of a made-up event. `outcome` says how that went, and belongs into the page. */
export function useTest(id: number) {
  const queries = useQueryClient();
  const refusals = useIntegrationRefusals();
  const test = useMutation({
    mutationFn: async () => {
      const delivery = await answered(api.POST('/api/admin/addons/{id}/test', { params: { path: { id } } }));
      await refresh(queries, [{ kind: 'integration', id: String(id) }]);
      return delivery;
    },
    onError: toastError,
  });
  const button = (
    <Button
      icon={<Send size={15} aria-hidden="true" />}
      disabledReason={refusals.update}
      isPending={test.isPending}
      onPress={() => test.mutate()}
    >
      Send a test
    </Button>
  );
  return { button, outcome: test.data && <Outcome delivery={test.data} /> };
}

const failed = { tone: 'bad', words: 'The test could not be delivered' } as const;
const outcomes: Record<string, { tone: 'good' | 'warn' | 'bad'; words: string }> = {
  success: { tone: 'good', words: 'The test was delivered' },
  successWithErrors: { tone: 'warn', words: 'The test was delivered in part' },
};

function Outcome({ delivery: { state, stateDetails, createdAt } }: { delivery: Schemas['Delivery'] }) {
  const { tone, words } = outcomes[state] ?? failed;
  return (
    <div role="status">
      <Note tone={tone}>
        {words} <Time at={createdAt} />. {stateDetails}
      </Note>
    </div>
  );
}
