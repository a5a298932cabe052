import { Plus, Trash2 } from 'lucide-react';
import { type Control, useFieldArray } from 'react-hook-form';
import type { Schemas } from '../api/client';
import { needed, SwitchInput, TextInput } from '../kit/form/inputs';
import { Button, IconButton } from '../ui/Button';

/** The form that creates and edits a context field. */
export type FieldForm = {
  name: string;
  /** `everywhere`, or the only project that it is for. */
  project: string;
  description: string;
  stickiness: boolean;
  legalValues: { value: string; description: string }[];
};

export const everywhere = '*';

export function formOf(field: Schemas['ContextField']): FieldForm {
  return {
    name: field.name,
    project: field.project ?? everywhere,
    description: field.description ?? '',
    stickiness: field.stickiness,
    legalValues: field.legalValues.map(({ value, description }) => ({ value, description: description ?? '' })),
  };
}

/** What is sent of it. */
export function inputOf({ description, stickiness, legalValues }: FieldForm): Schemas['ContextFieldInput'] {
  return {
    description,
    stickiness,
    legalValues: legalValues.map(({ value, description }) => ({
      value: value.trim(),
      ...(description.trim() === '' ? {} : { description: description.trim() }),
    })),
  };
}

export function ContextFieldInputs({ control, autoFocus }: { control: Control<FieldForm>; autoFocus?: boolean }) {
  const { fields, append, remove } = useFieldArray({ control, name: 'legalValues' });
  return (
    <>
      <TextInput
        control={control}
        name="description"
        label="Description"
        rows={2}
        autoFocus={autoFocus ?? false}
        description="What applications put into it."
      />
      <SwitchInput
        control={control}
        name="stickiness"
        label="Rollouts can stick to it"
        description="Whoever has the same value gets the same answer, as with an account that several people share."
      />
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-1 text-sm font-medium">Legal values</legend>
        <p className="text-sm text-soft">
          {fields.length === 0
            ? 'Without any, constraints take any value. With some, people choose from these.'
            : 'Constraints are chosen from these. Strategies that use another value already keep it.'}
        </p>
        {fields.map((field, place) => (
          <div key={field.id} className="flex items-start gap-2">
            <TextInput
              control={control}
              name={`legalValues.${place}.value`}
              label={`Legal value ${place + 1}`}
              hideLabel
              placeholder="Value"
              className="min-w-0 flex-1"
              rules={needed('A value')}
            />
            <TextInput
              control={control}
              name={`legalValues.${place}.description`}
              label={`What legal value ${place + 1} means`}
              hideLabel
              placeholder="What it means"
              className="min-w-0 flex-[2]"
            />
            <IconButton
              label={`Remove legal value ${place + 1}`}
              icon={<Trash2 size={15} />}
              onPress={() => remove(place)}
            />
          </div>
        ))}
        <Button
          className="self-start"
          icon={<Plus size={15} aria-hidden="true" />}
          onPress={() => append({ value: '', description: '' })}
        >
          Add legal value
        </Button>
      </fieldset>
    </>
  );
}
