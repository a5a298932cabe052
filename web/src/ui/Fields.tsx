import { ChevronDown } from 'lucide-react';
import { type ReactNode, type Ref, useId } from 'react';
import {
  Checkbox as AriaCheckbox,
  NumberField as AriaNumberField,
  Radio as AriaRadio,
  RadioGroup as AriaRadioGroup,
  Select as AriaSelect,
  Switch as AriaSwitch,
  TextField as AriaTextField,
  Button,
  FieldError,
  Group,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  SelectValue,
  Text,
  TextArea,
} from 'react-aria-components';
import { cx } from './cx';

/** What all fields have in common: a name, a help text, a fault. */
export type FieldProps = {
  label: string;
  description?: ReactNode;
  error?: string | undefined;
  disabled?: boolean | undefined;
  required?: boolean;
  className?: string;
  /** The name is read but not shown, as in rows of a table. */
  hideLabel?: boolean;
};

export const inputClass = cx(
  'w-full rounded-md border border-line-strong bg-surface px-2.5 py-1.5 text-base text-ink placeholder:text-soft',
  'focus:outline-2 focus:outline-offset-0 focus:outline-accent disabled:opacity-60 invalid:border-bad data-invalid:border-bad',
);
export const labelClass = 'mb-1 block text-sm font-medium';
const errorClass = 'mt-1 text-sm text-bad';
const describedClass = 'mt-1 block text-sm text-soft';

function Described({ description }: { description: ReactNode }) {
  if (!description) return null;
  return (
    <Text slot="description" className={describedClass}>
      {description}
    </Text>
  );
}

export type TextFieldProps = FieldProps & {
  value: string;
  onChange: (value: string) => void;
  onBlur?: (() => void) | undefined;
  type?: 'text' | 'password' | 'email' | 'search' | 'url' | 'date' | 'datetime-local';
  placeholder?: string;
  rows?: number;
  autoFocus?: boolean;
  autoComplete?: string;
  mono?: boolean;
  /** What the Enter key does, instead of sending the form. */
  onEnter?: () => void;
  inputRef?: Ref<HTMLInputElement & HTMLTextAreaElement>;
};

export function TextField(props: TextFieldProps) {
  const { label, description, error, disabled, required, hideLabel, value, onChange, onBlur, onEnter, type, rows } =
    props;
  const shared = {
    className: cx(inputClass, props.mono && 'font-mono text-sm'),
    placeholder: props.placeholder,
    ...(props.inputRef ? { ref: props.inputRef } : {}),
  };
  return (
    <AriaTextField
      value={value}
      onChange={onChange}
      {...(onBlur ? { onBlur } : {})}
      {...(onEnter
        ? {
            onKeyDown: (event) => {
              if (event.key !== 'Enter') return;
              event.preventDefault();
              onEnter();
            },
          }
        : {})}
      type={type ?? 'text'}
      isInvalid={error !== undefined}
      isDisabled={disabled ?? false}
      isRequired={required ?? false}
      validationBehavior="aria"
      autoFocus={props.autoFocus ?? false}
      autoComplete={props.autoComplete ?? 'off'}
      className={props.className ?? ''}
      {...(hideLabel ? { 'aria-label': label } : {})}
    >
      {!hideLabel && (
        <Label className={labelClass}>
          {label}
          {required && <span aria-hidden="true"> *</span>}
        </Label>
      )}
      {rows ? <TextArea {...shared} rows={rows} /> : <Input {...shared} />}
      <Described description={description} />
      <FieldError className={errorClass}>{error}</FieldError>
    </AriaTextField>
  );
}

export type NumberFieldProps = FieldProps & {
  value: number;
  onChange: (value: number) => void;
  min?: number;
  max?: number;
  step?: number;
  unit?: string;
};

export function NumberField(props: NumberFieldProps) {
  const { label, description, error, disabled, hideLabel, value, onChange, min, max, step, unit } = props;
  return (
    <AriaNumberField
      value={value}
      onChange={onChange}
      {...(min === undefined ? {} : { minValue: min })}
      {...(max === undefined ? {} : { maxValue: max })}
      step={step ?? 1}
      isInvalid={error !== undefined}
      isDisabled={disabled ?? false}
      validationBehavior="aria"
      className={props.className ?? ''}
      {...(hideLabel ? { 'aria-label': label } : {})}
    >
      {!hideLabel && <Label className={labelClass}>{label}</Label>}
      <Group className="flex items-center gap-1.5">
        <Input className={cx(inputClass, 'text-right')} />
        {unit && <span className="text-soft">{unit}</span>}
      </Group>
      <Described description={description} />
      <FieldError className={errorClass}>{error}</FieldError>
    </AriaNumberField>
  );
}

export type Option<T extends string = string> = { value: T; label: string; description?: string; disabled?: boolean };

export type SelectFieldProps<T extends string> = FieldProps & {
  value: T | '';
  onChange: (value: T) => void;
  options: Option<T>[];
  placeholder?: string;
};

export function SelectField<T extends string>(props: SelectFieldProps<T>) {
  const { label, description, error, disabled, hideLabel, value, onChange, options, placeholder } = props;
  return (
    <AriaSelect
      value={value === '' ? null : value}
      onChange={(key) => key !== null && onChange(String(key) as T)}
      isInvalid={error !== undefined}
      isDisabled={disabled ?? false}
      validationBehavior="aria"
      placeholder={placeholder ?? 'Choose…'}
      className={props.className ?? ''}
      {...(hideLabel ? { 'aria-label': label } : {})}
    >
      {!hideLabel && <Label className={labelClass}>{label}</Label>}
      <Button className={cx(inputClass, 'flex items-center justify-between gap-2 text-left')}>
        <SelectValue className="truncate data-placeholder:text-soft">
          {({ selectedText, defaultChildren }) => selectedText || defaultChildren}
        </SelectValue>
        <ChevronDown size={16} aria-hidden="true" className="shrink-0 text-soft" />
      </Button>
      <Described description={description} />
      <FieldError className={errorClass}>{error}</FieldError>
      <Popover className={cx(popoverClass, 'min-w-(--trigger-width)')}>
        <ListBox className="max-h-72 overflow-auto p-1 outline-none" items={options}>
          {(option) => (
            <ListBoxItem
              id={option.value}
              textValue={option.label}
              isDisabled={option.disabled ?? false}
              className={optionClass}
            >
              <span className="block">{option.label}</span>
              {option.description && <span className="block text-sm text-soft">{option.description}</span>}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}

export const popoverClass = 'z-50 animate-appear rounded-md border border-line bg-raised shadow-lg';
export const optionClass = cx(
  'cursor-default rounded-sm px-2 py-1.5 text-base outline-none data-focused:bg-accent-wash',
  'data-selected:font-semibold data-disabled:text-soft',
);

export type CheckboxProps = {
  children: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean | undefined;
  indeterminate?: boolean;
  description?: ReactNode;
  'aria-label'?: string;
};

export function Checkbox({
  children,
  checked,
  onChange,
  disabled,
  indeterminate,
  description,
  ...rest
}: CheckboxProps) {
  const describedBy = useId();
  return (
    <div>
      <AriaCheckbox
        isSelected={checked}
        onChange={onChange}
        isDisabled={disabled ?? false}
        isIndeterminate={indeterminate ?? false}
        {...(rest['aria-label'] ? { 'aria-label': rest['aria-label'] } : {})}
        {...(description ? { 'aria-describedby': describedBy } : {})}
        className="group inline-flex items-center gap-2 align-middle data-disabled:opacity-60"
      >
        <span
          aria-hidden="true"
          className={cx(
            'flex size-4.5 shrink-0 items-center justify-center rounded-sm border border-line-strong bg-surface text-sm leading-none',
            'group-data-focus-visible:outline-2 group-data-focus-visible:outline-offset-2 group-data-focus-visible:outline-accent',
            'group-data-selected:border-transparent group-data-selected:bg-accent group-data-selected:text-on-accent',
          )}
        >
          {indeterminate ? '–' : checked ? '✓' : ''}
        </span>
        {children}
      </AriaCheckbox>
      {description && (
        <span id={describedBy} className="ml-6.5 block text-sm text-soft">
          {description}
        </span>
      )}
    </div>
  );
}

export type SwitchProps = {
  /** What is switched: read, and shown unless `hideLabel`. */
  label: string;
  hideLabel?: boolean;
  on: boolean;
  onChange: (on: boolean) => void;
  /** A change is on its way. */
  pending?: boolean;
  disabledReason?: string | undefined | false | null;
  /** On, but nobody gets it. */
  idle?: boolean;
  description?: ReactNode;
};

export function Switch({ label, hideLabel, on, onChange, pending, disabledReason, idle, description }: SwitchProps) {
  return (
    <AriaSwitch
      isSelected={on}
      onChange={(next) => !disabledReason && onChange(next)}
      isReadOnly={Boolean(disabledReason)}
      className={cx('group inline-flex items-center gap-2 align-middle', disabledReason ? 'opacity-60' : '')}
      {...(hideLabel ? { 'aria-label': label } : {})}
      {...(disabledReason ? { 'aria-description': disabledReason } : {})}
    >
      <span
        aria-hidden="true"
        title={disabledReason || undefined}
        className={cx(
          'relative h-5 w-9 shrink-0 rounded-full border transition-colors',
          'group-data-focus-visible:outline-2 group-data-focus-visible:outline-offset-2 group-data-focus-visible:outline-accent',
          on ? (idle ? 'border-warn bg-warn-wash' : 'border-transparent bg-good') : 'border-line-strong bg-sunken',
          pending && 'animate-pulse',
        )}
      >
        <span
          className={cx(
            'absolute top-0.5 left-0.5 size-3.5 rounded-full transition-transform',
            on ? (idle ? 'translate-x-4 bg-warn' : 'translate-x-4 bg-surface') : 'bg-line-strong',
          )}
        />
      </span>
      {!hideLabel && (
        <span>
          {label}
          {description && <span className="block text-sm text-soft">{description}</span>}
        </span>
      )}
    </AriaSwitch>
  );
}

export type RadioGroupProps<T extends string> = FieldProps & {
  value: T;
  onChange: (value: T) => void;
  options: Option<T>[];
};

export function RadioGroup<T extends string>({ label, value, onChange, options, ...rest }: RadioGroupProps<T>) {
  return (
    <AriaRadioGroup
      value={value}
      onChange={(next) => onChange(next as T)}
      isInvalid={rest.error !== undefined}
      isDisabled={rest.disabled ?? false}
      className={cx('flex flex-col gap-1.5', rest.className)}
      {...(rest.hideLabel ? { 'aria-label': label } : {})}
    >
      {!rest.hideLabel && <Label className={labelClass}>{label}</Label>}
      {options.map((option) => (
        <AriaRadio
          key={option.value}
          value={option.value}
          isDisabled={option.disabled ?? false}
          className="group inline-flex items-start gap-2 data-disabled:opacity-60"
        >
          <span
            aria-hidden="true"
            className={cx(
              'mt-0.5 size-4 shrink-0 rounded-full border border-line-strong bg-surface',
              'group-data-focus-visible:outline-2 group-data-focus-visible:outline-offset-2 group-data-focus-visible:outline-accent',
              'group-data-selected:border-5 group-data-selected:border-accent',
            )}
          />
          <span>
            {option.label}
            {option.description && <span className="block text-sm text-soft">{option.description}</span>}
          </span>
        </AriaRadio>
      ))}
      <Described description={rest.description} />
      <FieldError className={errorClass}>{rest.error}</FieldError>
    </AriaRadioGroup>
  );
}
