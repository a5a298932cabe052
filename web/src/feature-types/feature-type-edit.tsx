import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { useEdit } from '../kit/form/edit';
import { FormDialog } from '../kit/form/FormDialog';
import { NumberInput, RadioInput } from '../kit/form/inputs';
import { toast } from '../kit/toast/toasts';
import { useFeatureTypeRefusal } from './can';

type Type = Schemas['FeatureType'];
type Form = { ends: 'ends' | 'stays'; lifetimeDays: number };

const formOf = ({ lifetimeDays }: Type): Form => ({
  ends: lifetimeDays ? 'ends' : 'stays',
  lifetimeDays: lifetimeDays ?? 40,
});

export function EditFeatureType({ type, onClose }: { type: Type; onClose: () => void }) {
  const queries = useQueryClient();
  const refusal = useFeatureTypeRefusal();
  const form = useForm<Form>({ defaultValues: formOf(type) });
  // The server has no revision of it: the lifetime itself tells whether it is still what the form began from.
  const edit = useEdit(form, { value: type, etag: String(type.lifetimeDays) }, formOf);
  return (
    <FormDialog
      title={`Change the lifetime of ${type.name}`}
      verb="Save"
      form={form}
      disabledReason={refusal}
      onClose={onClose}
      act={({ ends, lifetimeDays }) =>
        edit.save(async () => {
          await answered(
            api.PUT('/api/admin/feature-types/{id}/lifetime', {
              params: { path: { id: type.id } },
              body: { lifetimeDays: ends === 'ends' ? lifetimeDays : null },
            }),
          );
          await refresh(queries, [{ kind: 'setting', id: `lifetime:${type.id}` }]);
          toast(`The lifetime of ${type.name} is changed.`);
        })
      }
    >
      {edit.conflict}
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
