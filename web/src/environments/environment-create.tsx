import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, RadioInput, TextInput } from '../kit/form/inputs';
import { toast } from '../kit/toast/toasts';
import { useEnvironmentRefusal } from './can';
import { typeOptions } from './types';

export function CreateEnvironment({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const form = useForm({ defaultValues: { name: '', type: 'development' } });
  return (
    <FormDialog
      title="Create environment"
      verb="Create environment"
      form={form}
      disabledReason={useEnvironmentRefusal()}
      onClose={onClose}
      act={async (body) => {
        await answered(api.POST('/api/admin/environments', { body }));
        await refresh(queries, [{ kind: 'environment', id: body.name }]);
        toast(`Environment ${body.name} is created. Projects can use it now.`);
      }}
    >
      <TextInput
        control={form.control}
        name="name"
        label="Name"
        autoFocus
        required
        rules={needed('A name')}
        description="It stands in the tokens of SDKs and cannot be changed later."
      />
      <RadioInput control={form.control} name="type" label="Type" options={typeOptions()} />
      <p className="text-sm text-soft">
        A new environment is in no project yet: each project takes it in its settings. To begin with the strategies of
        another environment, clone that one instead.
      </p>
    </FormDialog>
  );
}
