import { ChevronDown } from 'lucide-react';
import { type ReactNode, type Ref, useId } from 'react';
import {
  NumberField as AriaNumberField,
  Select as AriaSelect,
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
        {unit && <span className="whitespace-nowrap text-soft">{unit}</span>}
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
  /** For options that are asked for only now. */
  onOpen?: () => void;
};

export function SelectField<T extends string>(props: SelectFieldProps<T>) {
  const { label, description, error, disabled, hideLabel, value, onChange, options, placeholder, onOpen } = props;
  return (
    <AriaSelect
      onOpenChange={(open) => open && onOpen?.()}
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

/** The browser's own control, laid invisibly over what is drawn: pointers, keys and screen readers find it there. */
const overlay = 'peer absolute inset-0 z-1 m-0 size-full cursor-pointer opacity-0 disabled:cursor-default';
const ring = 'peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-accent';

export function Checkbox(props: CheckboxProps) {
  const { children, checked, onChange, disabled, indeterminate = false, description } = props;
  const describedBy = useId();
  return (
    <div>
      <label className={cx('inline-flex items-center gap-2 align-middle', disabled && 'opacity-60')}>
        <span className="relative size-4.5 shrink-0">
          <input
            type="checkbox"
            className={overlay}
            checked={checked}
            disabled={disabled}
            ref={(input) => {
              if (input) input.indeterminate = indeterminate;
            }}
            onChange={(event) => onChange(event.target.checked)}
            aria-label={props['aria-label']}
            aria-describedby={description ? describedBy : undefined}
          />
          <span
            aria-hidden="true"
            className={cx(
              'flex size-4.5 items-center justify-center rounded-sm border text-sm leading-none',
              checked || indeterminate
                ? 'border-transparent bg-accent text-on-accent'
                : 'border-line-strong bg-surface',
              ring,
            )}
          >
            {indeterminate ? '–' : checked ? '✓' : ''}
          </span>
        </span>
        {children}
      </label>
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
    <label className={cx('inline-flex items-center gap-2 align-middle', disabledReason && 'opacity-60')}>
      <span className="relative h-5 w-9 shrink-0" title={disabledReason || undefined}>
        <input
          type="checkbox"
          role="switch"
          className={overlay}
          checked={on}
          aria-checked={on}
          aria-label={hideLabel ? label : undefined}
          // Not really disabled: the keyboard would skip it, and nobody could read why.
          aria-disabled={disabledReason ? true : undefined}
          aria-description={disabledReason || undefined}
          onChange={(event) => !disabledReason && onChange(event.target.checked)}
        />
        <span
          aria-hidden="true"
          className={cx(
            'absolute inset-0 rounded-full border transition-colors',
            on ? (idle ? 'border-warn bg-warn-wash' : 'border-transparent bg-good') : 'border-line-strong bg-sunken',
            pending && 'animate-pulse',
            ring,
          )}
        />
        <span
          aria-hidden="true"
          className={cx(
            'absolute top-0.75 left-0.75 size-3.5 rounded-full transition-transform',
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
    </label>
  );
}

export type RadioGroupProps<T extends string> = FieldProps & {
  value: T;
  onChange: (value: T) => void;
  options: Option<T>[];
};

export function RadioGroup<T extends string>({ label, value, onChange, options, ...rest }: RadioGroupProps<T>) {
  const name = useId();
  const described = useId();
  return (
    <fieldset
      disabled={rest.disabled}
      aria-describedby={rest.error || rest.description ? described : undefined}
      className={cx('flex flex-col gap-1.5', rest.className)}
    >
      <legend className={rest.hideLabel ? 'sr-only' : labelClass}>{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className={cx('inline-flex items-start gap-2', (rest.disabled || option.disabled) && 'opacity-60')}
        >
          <span className="relative mt-0.5 size-4 shrink-0">
            <input
              type="radio"
              name={name}
              className={overlay}
              checked={option.value === value}
              disabled={option.disabled}
              onChange={() => onChange(option.value)}
            />
            <span
              aria-hidden="true"
              className={cx(
                'block size-4 rounded-full bg-surface',
                option.value === value ? 'border-5 border-accent' : 'border border-line-strong',
                ring,
              )}
            />
          </span>
          <span>
            {option.label}
            {option.description && <span className="block text-sm text-soft">{option.description}</span>}
          </span>
        </label>
      ))}
      <div id={described}>
        {rest.description && <span className={describedClass}>{rest.description}</span>}
        {rest.error && <span className={errorClass}>{rest.error}</span>}
      </div>
    </fieldset>
  );
}
