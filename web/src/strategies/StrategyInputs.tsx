import { Plus, Trash2 } from 'lucide-react';
import { type Control, useFieldArray } from 'react-hook-form';
import type { Schemas } from '../api/client';
import { CheckboxInput, needed, SelectInput, TextInput } from '../kit/form/inputs';
import { Button } from '../ui/Button';
import type { Option } from '../ui/Fields';

type ParameterType = Schemas['StrategyParameterInput']['type'];

/** The form that creates and edits a custom strategy. */
export type StrategyForm = {
  name: string;
  title: string;
  description: string;
  parameters: { name: string; type: ParameterType; description: string; required: boolean }[];
};

const types: Option<ParameterType>[] = [
  { value: 'string', label: 'Text' },
  { value: 'list', label: 'List', description: 'Texts with commas between them' },
  { value: 'percentage', label: 'Percentage', description: '0 to 100' },
  { value: 'number', label: 'Number' },
  { value: 'boolean', label: 'Yes or no' },
];

export function typeName(type: string): string {
  return types.find(({ value }) => value === type)?.label ?? type;
}

export function formOf(strategy: Schemas['StrategyDefinition']): StrategyForm {
  return {
    name: strategy.name,
    title: strategy.title ?? '',
    description: strategy.description ?? '',
    parameters: strategy.parameters.map(({ name, type, description, required }) => ({
      name,
      type: types.find(({ value }) => value === type)?.value ?? 'string',
      description: description ?? '',
      required: required ?? false,
    })),
  };
}

export function StrategyInputs({ control, autoFocus }: { control: Control<StrategyForm>; autoFocus?: boolean }) {
  const { fields, append, remove } = useFieldArray({ control, name: 'parameters' });
  return (
    <>
      <TextInput
        control={control}
        name="title"
        label="Title"
        autoFocus={autoFocus ?? false}
        description="What people read instead of the name."
      />
      <TextInput
        control={control}
        name="description"
        label="Description"
        rows={2}
        description="Who gets the feature, in a sentence."
      />
      <fieldset className="flex flex-col gap-3">
        <legend className="mb-1 text-sm font-medium">Parameters</legend>
        <p className="text-sm text-soft">
          What people fill in when they use it in a feature. Your SDKs get the values.
        </p>
        {fields.map((field, place) => (
          <div key={field.id} role="group" aria-label={`Parameter ${place + 1}`} className="rounded-md border p-3">
            <div className="grid items-start gap-3 sm:grid-cols-2">
              <TextInput
                control={control}
                name={`parameters.${place}.name`}
                label="Parameter’s name"
                rules={needed('A name')}
              />
              <SelectInput control={control} name={`parameters.${place}.type`} label="Type" options={types} />
              <TextInput
                control={control}
                name={`parameters.${place}.description`}
                label="What it means"
                className="sm:col-span-2"
              />
            </div>
            <div className="mt-3 flex flex-wrap items-center justify-between gap-2">
              <CheckboxInput control={control} name={`parameters.${place}.required`} label="Has to be filled in" />
              <Button
                kind="quiet"
                icon={<Trash2 size={15} aria-hidden="true" />}
                aria-label={`Remove parameter ${place + 1}`}
                onPress={() => remove(place)}
              >
                Remove
              </Button>
            </div>
          </div>
        ))}
        <Button
          className="self-start"
          icon={<Plus size={15} aria-hidden="true" />}
          onPress={() => append({ name: '', type: 'string', description: '', required: false })}
        >
          Add parameter
        </Button>
      </fieldset>
    </>
  );
}
