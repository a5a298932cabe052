import { useState } from 'react';
import { type Control, type FieldPathByValue, type FieldValues, useController } from 'react-hook-form';
import { SelectField, TextField } from '../../ui/Fields';
import { exactTime } from '../../ui/Time';
import { inDays, localText, momentOf } from './expiry';

export type ExpiryInputProps<T extends FieldValues> = {
  control: Control<T>;
  /** A moment as the API takes it; empty is never. */
  name: FieldPathByValue<T, string>;
  label: string;
  /** The days to choose from; the form begins with one of them, with never, or with a day. */
  days: number[];
  /** Whether it can be without an end. */
  never?: boolean;
  /** What it begins with: days, `never`, or `day`, which keeps the moment that the form has. */
  first: number | 'never' | 'day';
};

/** When something ends: in some days, on a day, or never. */
export function ExpiryInput<T extends FieldValues>(props: ExpiryInputProps<T>) {
  const { control, name, label, days, never, first } = props;
  const [choice, setChoice] = useState(String(first));
  const { field, fieldState } = useController({
    control,
    name,
    rules: {
      validate: (moment: string) =>
        choice !== 'never' && moment === ''
          ? 'A day is needed.'
          : moment !== '' && new Date(moment).getTime() <= Date.now()
            ? 'The end must be in the future.'
            : true,
    } as never,
  });
  const moment: string = field.value;

  function choose(next: string) {
    setChoice(next);
    if (next === 'never') field.onChange('');
    else if (next !== 'day') field.onChange(inDays(Number(next)));
  }

  return (
    <div className="flex flex-col gap-2">
      <SelectField
        label={label}
        value={choice}
        onChange={choose}
        options={[
          ...days.map((count) => ({ value: String(count), label: inWords(count) })),
          { value: 'day', label: 'On a day of your choice' },
          ...(never ? [{ value: 'never', label: 'Never' }] : []),
        ]}
        {...(choice !== 'day' && moment !== '' ? { description: `Until ${exactTime(new Date(moment))}` } : {})}
        error={choice === 'day' ? undefined : fieldState.error?.message}
      />
      {choice === 'day' && (
        <TextField
          label="Day and time"
          type="datetime-local"
          value={localText(moment)}
          onChange={(text) => field.onChange(momentOf(text))}
          error={fieldState.error?.message}
        />
      )}
    </div>
  );
}

function inWords(days: number): string {
  if (days === 365) return 'In a year';
  return days === 1 ? 'In a day' : `In ${days} days`;
}
