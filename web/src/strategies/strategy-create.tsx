import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { toast } from '../kit/toast/toasts';
import { Note } from '../ui/Bits';
import { useStrategyRefusals } from './can';
import { type StrategyForm, StrategyInputs } from './StrategyInputs';

export function CreateStrategy({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const refusals = useStrategyRefusals();
  const form = useForm<StrategyForm>({ defaultValues: { name: '', title: '', description: '', parameters: [] } });
  return (
    <FormDialog
      title="Create custom strategy"
      verb="Create custom strategy"
      size="medium"
      form={form}
      disabledReason={refusals.create}
      onClose={onClose}
      act={async (body) => {
        await answered(api.POST('/api/admin/strategies', { body }));
        await refresh(queries, [{ kind: 'strategy', id: body.name }]);
        toast(`Strategy ${body.name} is created.`);
      }}
    >
      <Note>
        Flagstone only hands a custom strategy on. Your own code in each SDK decides: where it is missing, nobody gets
        the feature by it. Constraints on a gradual rollout need no code.
      </Note>
      <TextInput
        control={form.control}
        name="name"
        label="Name"
        autoFocus
        required
        rules={needed('A name')}
        description="The one that your code registers in the SDK. It cannot be changed later."
      />
      <StrategyInputs control={form.control} />
    </FormDialog>
  );
}
