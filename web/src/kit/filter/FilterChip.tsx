import { ChevronDown, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import {
  Button as AriaButton,
  Autocomplete,
  Dialog,
  DialogTrigger,
  Input,
  ListBox,
  ListBoxItem,
  Popover,
  SearchField,
} from 'react-aria-components';
import { cx } from '../../ui/cx';
import { inputClass, type Option, optionClass, popoverClass } from '../../ui/Fields';
import { matches } from '../table/ListTable';

/** A filter as a chip: what it lets through, a popover to change it, and a cross to take it away. */
export function Chip(props: {
  label: string;
  /** What is shown of the filter while it is set. */
  text: string;
  onClear: () => void;
  children: ReactNode;
}) {
  const { label, text, onClear, children } = props;
  const isSet = text !== '';
  return (
    <div
      className={cx(
        'inline-flex h-8 max-w-full items-stretch rounded-full border text-sm',
        isSet ? 'border-accent bg-accent-wash text-accent' : 'border-line-strong border-dashed bg-surface',
      )}
    >
      <DialogTrigger>
        <AriaButton
          className={cx('flex min-w-0 items-center gap-1 rounded-full pl-3', isSet ? 'pr-1' : 'pr-2.5')}
          aria-label={isSet ? `${label}: ${text}` : label}
        >
          <span className="font-medium whitespace-nowrap">
            {label}
            {isSet && ':'}
          </span>
          {isSet && <span className="max-w-60 truncate">{text}</span>}
          {!isSet && <ChevronDown size={14} aria-hidden="true" className="text-soft" />}
        </AriaButton>
        <Popover placement="bottom start" className={cx(popoverClass, 'w-72 max-w-[calc(100vw-1.5rem)]')}>
          <Dialog aria-label={`Filter by ${label.toLowerCase()}`} className="outline-none">
            {children}
          </Dialog>
        </Popover>
      </DialogTrigger>
      {isSet && (
        <AriaButton
          aria-label={`Clear ${label.toLowerCase()}`}
          onPress={onClear}
          className="flex w-7 items-center justify-center rounded-full"
        >
          <X size={14} aria-hidden="true" />
        </AriaButton>
      )}
    </div>
  );
}

export type ChoiceChipProps = {
  label: string;
  values: string[];
  onChange: (values: string[]) => void;
  options: Option[];
  /** What is not offered can be typed as well. */
  others?: boolean;
};

/** A filter by some of the values that there are. */
export function ChoiceChip({ label, values, onChange, options, others }: ChoiceChipProps) {
  const named = (value: string) => options.find((option) => option.value === value)?.label ?? value;
  return (
    <Chip label={label} text={values.map(named).join(', ')} onClear={() => onChange([])}>
      <Choices label={label} values={values} onChange={onChange} options={options} others={others ?? false} />
    </Chip>
  );
}

const mostShown = 200;

export function Choices({ label, values, onChange, options, others }: ChoiceChipProps) {
  const [text, setText] = useState('');
  const wanted = text.trim();
  // What was chosen when the list was opened stands first, and stays there.
  const [first] = useState(values);
  const all = [
    ...values.filter((value) => !options.some((option) => option.value === value)).map(plain),
    ...options.filter(({ value }) => first.includes(value)),
    ...options.filter(({ value }) => !first.includes(value)),
  ].filter((option) => matches(`${option.label} ${option.value}`, wanted));
  const other = others && wanted !== '' && !all.some((option) => option.value === wanted) ? [plain(wanted)] : [];
  return (
    <Autocomplete filter={() => true} inputValue={text} onInputChange={setText}>
      <SearchField aria-label={`Find ${label.toLowerCase()}`} autoFocus className="p-2">
        <Input className={inputClass} placeholder={others ? 'Type a name' : 'Find'} />
      </SearchField>
      <ListBox
        aria-label={label}
        selectionMode="multiple"
        escapeKeyBehavior="none"
        selectedKeys={values}
        onSelectionChange={(keys) => {
          if (keys === 'all') return;
          onChange([...keys].map(String));
          setText('');
        }}
        items={[...other, ...all].slice(0, mostShown)}
        className="max-h-72 overflow-auto p-1 pt-0 outline-none"
        renderEmptyState={() => (
          <p className="px-2 py-3 text-sm text-soft">{others && wanted === '' ? 'Type the name.' : 'None fits.'}</p>
        )}
      >
        {(option) => (
          <ListBoxItem id={option.value} textValue={option.label} className={cx(optionClass, 'group flex gap-2')}>
            <span aria-hidden="true" className="w-3 text-accent">
              <span className="hidden group-data-selected:inline">✓</span>
            </span>
            <span className="min-w-0">
              {option.label}
              {option.description && <span className="block text-sm text-soft">{option.description}</span>}
            </span>
          </ListBoxItem>
        )}
      </ListBox>
    </Autocomplete>
  );
}

const plain = (value: string): Option => ({ value, label: value });

/** Several values as one text of the address; names hold no commas. */
export const listOf = (text: string | undefined): string[] => text?.split(',').filter(Boolean) ?? [];
export const textOf = (values: string[]): string => values.join(',');
