import { X } from 'lucide-react';
import { useState } from 'react';
import type { Schemas } from '../../api/client';
import { Button, IconButton } from '../../ui/Button';
import { ComboField } from '../../ui/ComboField';
import { TextField } from '../../ui/Fields';
import { type ContextValues, localTime, momentOf } from './context';

type KnownField = Pick<Schemas['ContextField'], 'name' | 'description' | 'legalValues'>;

/** Fields that SDKs give by themselves, should nobody have described them. */
const ofSdks = ['userId', 'sessionId', 'appName', 'remoteAddress', 'currentTime'];

export type ContextEditorProps = {
  value: ContextValues;
  onChange: (value: ContextValues) => void;
  /** The context fields that are offered: see `knownFieldsQuery`. */
  fields: KnownField[];
  /** A value may hold several with commas between them. */
  several?: boolean;
  /** Shown also while they are empty. */
  always?: string[];
  /** Not offered, since the page chooses it elsewhere. */
  without?: string[];
};

/** Edits a context: values of the known fields, and of any other property. */
export function ContextEditor(props: ContextEditorProps) {
  const { value, onChange, fields, several, always = ['userId'], without = ['environment'] } = props;
  const [added, setAdded] = useState<string>();
  const shown = [...new Set([...always, ...Object.keys(value)])].filter((name) => !without.includes(name));
  const offered = [...new Set([...fields.map(({ name }) => name), ...ofSdks])].filter(
    (name) => !shown.includes(name) && !without.includes(name),
  );
  const known = (name: string) => fields.find((field) => field.name === name);

  function remove(name: string) {
    onChange(Object.fromEntries(Object.entries(value).filter(([other]) => other !== name)));
  }

  return (
    <div className="flex flex-col gap-3">
      <ul className="grid gap-3 sm:grid-cols-[repeat(auto-fill,minmax(15rem,1fr))]">
        {shown.map((name) => (
          <li key={name} className="flex items-end gap-1">
            <FieldValue
              name={name}
              field={known(name)}
              several={several ?? false}
              focused={name === added}
              value={value[name] ?? ''}
              onChange={(text) => onChange({ ...value, [name]: text })}
            />
            {!always.includes(name) && (
              <IconButton label={`Remove ${name}`} icon={<X size={14} />} onPress={() => remove(name)} />
            )}
          </li>
        ))}
        <li>
          <AddField
            offered={offered.map((name) => ({
              value: name,
              label: name,
              ...(known(name)?.description ? { description: known(name)?.description ?? '' } : {}),
            }))}
            taken={[...shown, ...without]}
            onAdd={(name) => {
              setAdded(name);
              onChange({ ...value, [name]: '' });
            }}
          />
        </li>
      </ul>
    </div>
  );
}

function FieldValue(props: {
  name: string;
  field: KnownField | undefined;
  several: boolean;
  focused: boolean;
  value: string;
  onChange: (text: string) => void;
}) {
  const { name, field, several, focused, value, onChange } = props;
  if (name === 'currentTime') {
    return (
      <TextField
        label={name}
        type="datetime-local"
        className="flex-1"
        autoFocus={focused}
        value={localTime(value)}
        onChange={(local) => onChange(momentOf(local))}
      />
    );
  }
  const values = field?.legalValues ?? [];
  const placeholder = several ? 'One value, or several: a, b' : '';
  if (values.length === 0) {
    return (
      <TextField
        label={name}
        className="flex-1"
        autoFocus={focused}
        placeholder={placeholder}
        value={value}
        onChange={onChange}
      />
    );
  }
  return (
    <ComboField
      label={name}
      className="flex-1"
      autoFocus={focused}
      placeholder={placeholder}
      several={several}
      options={values.map(({ value, description }) => ({
        value,
        label: value,
        ...(description ? { description } : {}),
      }))}
      value={value}
      onChange={onChange}
    />
  );
}

function AddField(props: {
  offered: { value: string; label: string; description?: string }[];
  taken: string[];
  onAdd: (name: string) => void;
}) {
  const { offered, taken, onAdd } = props;
  const [name, setName] = useState('');
  const isTaken = taken.includes(name.trim());

  function add(wanted: string) {
    if (wanted.trim() === '' || taken.includes(wanted.trim())) return;
    onAdd(wanted.trim());
    setName('');
  }

  return (
    <div className="flex items-end gap-1">
      <ComboField
        label="Add a field or property"
        className="flex-1"
        placeholder="Choose, or type any name"
        options={offered}
        value={name}
        onChange={setName}
        onChosen={add}
        error={isTaken ? `${name.trim()} is there already.` : undefined}
      />
      {name.trim() !== '' && !isTaken && <Button onPress={() => add(name)}>Add</Button>}
    </div>
  );
}
