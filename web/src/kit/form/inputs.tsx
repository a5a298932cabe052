import {
  type Control,
  type FieldPathByValue,
  type FieldValues,
  type RegisterOptions,
  useController,
} from 'react-hook-form';
import {
  Checkbox,
  NumberField,
  type NumberFieldProps,
  RadioGroup,
  type RadioGroupProps,
  SelectField,
  type SelectFieldProps,
  Switch,
  TextField,
  type TextFieldProps,
} from '../../ui/Fields';

// The fields of `ui/Fields`, bound to a form of react-hook-form by name. A form's data types: texts, numbers, booleans.

type Bound<T extends FieldValues, V> = {
  control: Control<T>;
  name: FieldPathByValue<T, V>;
  rules?: Pick<RegisterOptions, 'validate'>;
};

/** A rule for fields that must not be empty. */
export const needed = (what: string) => ({
  validate: (value: unknown) => (typeof value === 'string' && value.trim() === '' ? `${what} is needed.` : true),
});

function useBound<T extends FieldValues, V>({ control, name, rules }: Bound<T, V>) {
  const { field, fieldState } = useController({ control, name, rules: rules as never });
  return { field, error: fieldState.error?.message };
}

type Own<P> = Omit<P, 'value' | 'onChange' | 'onBlur' | 'error' | 'inputRef'>;

export function TextInput<T extends FieldValues>(props: Bound<T, string> & Own<TextFieldProps>) {
  const { control, name, rules, ...rest } = props;
  const { field, error } = useBound({ control, name, ...(rules ? { rules } : {}) });
  return (
    <TextField
      {...rest}
      value={field.value ?? ''}
      onChange={field.onChange}
      onBlur={field.onBlur}
      error={error}
      inputRef={field.ref}
    />
  );
}

export function NumberInput<T extends FieldValues>(props: Bound<T, number> & Own<NumberFieldProps>) {
  const { control, name, rules, ...rest } = props;
  const { field, error } = useBound({ control, name, ...(rules ? { rules } : {}) });
  return <NumberField {...rest} value={field.value} onChange={field.onChange} error={error} />;
}

export function SelectInput<T extends FieldValues, O extends string>(props: Bound<T, O> & Own<SelectFieldProps<O>>) {
  const { control, name, rules, ...rest } = props;
  const { field, error } = useBound({ control, name, ...(rules ? { rules } : {}) });
  return <SelectField {...rest} value={field.value} onChange={field.onChange} error={error} />;
}

export function RadioInput<T extends FieldValues, O extends string>(props: Bound<T, O> & Own<RadioGroupProps<O>>) {
  const { control, name, rules, ...rest } = props;
  const { field, error } = useBound({ control, name, ...(rules ? { rules } : {}) });
  return <RadioGroup {...rest} value={field.value} onChange={field.onChange} error={error} />;
}

export function SwitchInput<T extends FieldValues>(props: Bound<T, boolean> & { label: string; description?: string }) {
  const { control, name, label, description } = props;
  const { field } = useBound({ control, name });
  return <Switch label={label} on={field.value} onChange={field.onChange} {...(description ? { description } : {})} />;
}

export function CheckboxInput<T extends FieldValues>(
  props: Bound<T, boolean> & { label: string; description?: string },
) {
  const { control, name, label, description } = props;
  const { field } = useBound({ control, name });
  return (
    <Checkbox checked={field.value} onChange={field.onChange} {...(description ? { description } : {})}>
      {label}
    </Checkbox>
  );
}
