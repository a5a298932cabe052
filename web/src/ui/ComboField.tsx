import { ChevronDown } from 'lucide-react';
import {
  Button,
  ComboBox,
  FieldError,
  Group,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Text,
} from 'react-aria-components';
import { cx } from './cx';
import { type FieldProps, inputClass, labelClass, type Option, optionClass, popoverClass } from './Fields';

export type ComboFieldProps = FieldProps & {
  value: string;
  onChange: (value: string) => void;
  /** What is offered; anything else can be typed as well. */
  options: Option[];
  placeholder?: string;
  autoFocus?: boolean;
  /** Several values with commas between them: what is offered completes the last one. */
  several?: boolean;
  /** Told when an offered value was chosen, or Enter was pressed. */
  onChosen?: (value: string) => void;
};

const mostShown = 100;

/** A text for which values are offered. */
export function ComboField(props: ComboFieldProps) {
  const { label, description, error, value, onChange, options, placeholder, several, onChosen, hideLabel } = props;
  const comma = several ? value.lastIndexOf(',') : -1;
  const typed = value.slice(comma + 1).trim();
  const chosen = options.some((option) => option.value === typed) ? typed : null;
  const wanted = chosen === null ? typed.toLowerCase() : '';
  const offered = options
    .filter((option) => `${option.value} ${option.label}`.toLowerCase().includes(wanted))
    .slice(0, mostShown);

  function choose(next: string) {
    const whole = value.slice(0, comma + 1) + next;
    onChange(whole);
    onChosen?.(whole);
  }

  return (
    <ComboBox
      inputValue={value}
      onInputChange={onChange}
      selectedKey={chosen}
      onSelectionChange={(key) => key !== null && choose(String(key))}
      items={offered}
      allowsCustomValue
      menuTrigger="focus"
      isInvalid={error !== undefined}
      isDisabled={props.disabled ?? false}
      isRequired={props.required ?? false}
      validationBehavior="aria"
      className={props.className ?? ''}
      {...(hideLabel ? { 'aria-label': label } : {})}
    >
      {!hideLabel && <Label className={labelClass}>{label}</Label>}
      <Group className="relative">
        <Input
          className={cx(inputClass, options.length > 0 && 'pr-8')}
          placeholder={placeholder ?? ''}
          autoFocus={props.autoFocus ?? false}
          onKeyDown={(event) => {
            if (
              event.key === 'Enter' &&
              onChosen &&
              value !== '' &&
              !event.currentTarget.getAttribute('aria-activedescendant')
            )
              onChosen(value);
          }}
        />
        {options.length > 0 && (
          <Button className="absolute inset-y-0 right-0 flex w-8 items-center justify-center rounded-md text-soft">
            <ChevronDown size={16} aria-hidden="true" />
          </Button>
        )}
      </Group>
      {description && (
        <Text slot="description" className="mt-1 block text-sm text-soft">
          {description}
        </Text>
      )}
      <FieldError className="mt-1 text-sm text-bad">{error}</FieldError>
      <Popover className={cx(popoverClass, 'min-w-(--trigger-width)')}>
        <ListBox<Option> className="max-h-72 overflow-auto p-1 outline-none">
          {(option) => (
            <ListBoxItem id={option.value} textValue={option.value} className={optionClass}>
              <span className="block">{option.label}</span>
              {option.description && <span className="block text-sm text-soft">{option.description}</span>}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
