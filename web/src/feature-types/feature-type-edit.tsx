import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { FormDialog } from '../kit/form/FormDialog';
import { NumberInput, RadioInput } from '../kit/form/inputs';
import { toast } from '../kit/toast/toasts';
import { useFeatureTypeRefusal } from './can';

type Form = { ends: 'ends' | 'stays'; lifetimeDays: number };

export function EditFeatureType({ type, onClose }: { type: Schemas['FeatureType']; onClose: () => void }) {
  const queries = useQueryClient();
  const refusal = useFeatureTypeRefusal();
  const form = useForm<Form>({
    defaultValues: { ends: type.lifetimeDays ? 'ends' : 'stays', lifetimeDays: type.lifetimeDays ?? 40 },
  });
  return (
    <FormDialog
      title={`Change the lifetime of ${type.name}`}
      verb="Save"
      form={form}
      disabledReason={refusal}
      onClose={onClose}
      act={async ({ ends, lifetimeDays }) => {
        await answered(
          api.PUT('/api/admin/feature-types/{id}/lifetime', {
            params: { path: { id: type.id } },
            body: { lifetimeDays: ends === 'ends' ? lifetimeDays : null },
          }),
        );
        await refresh(queries, [{ kind: 'setting', id: `lifetime:${type.id}` }]);
        toast(`The lifetime of ${type.name} is changed.`);
      }}
    >
      <RadioInput
        control={form.control}
        name="ends"
        label="Features of this type"
        options={[
          {
            value: 'ends',
            label: 'Should be gone after some time',
            description: 'They are marked as potentially stale then.',
          },
          { value: 'stays', label: 'May stay for ever', description: 'As a switch for emergencies.' },
        ]}
      />
      {form.watch('ends') === 'ends' && (
        <NumberInput
          control={form.control}
          name="lifetimeDays"
          label="Lifetime"
          unit="days"
          min={1}
          max={36_500}
          className="w-40"
        />
      )}
      <p className="text-sm text-soft">
        It counts from the day on which a feature was created, also for those that there are. Nothing is switched off.
      </p>
    </FormDialog>
  );
}
