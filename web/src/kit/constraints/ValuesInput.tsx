import { X } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../ui/Button';
import { Checkbox, TextField } from '../../ui/Fields';

type Legal = { value: string; description?: string | null };

/** How many chips are drawn at most; the rest is edited as text. */
const chipsMax = 60;

/** Several values: typed or pasted, or chosen from those that the context field allows. */
export function ValuesInput(props: {
  label: string;
  values: string[];
  onChange: (values: string[]) => void;
  legal: Legal[];
  error?: string | undefined;
}) {
  const { label, values, onChange, legal, error } = props;
  if (legal.length > 0) return <LegalValues {...props} />;
  return <FreeValues label={label} values={values} onChange={onChange} error={error} />;
}

function FreeValues({ label, values, onChange, error }: Omit<Parameters<typeof ValuesInput>[0], 'legal'>) {
  const [typed, setTyped] = useState('');
  const [asText, setAsText] = useState(false);

  function add(text: string) {
    const come = splitValues(text);
    if (come.length > 0) onChange([...new Set([...values, ...come])]);
    setTyped('');
  }

  if (asText) {
    return (
      <div className="flex flex-col items-start gap-2">
        <TextField
          label={label}
          hideLabel
          rows={6}
          mono
          className="w-full"
          value={values.join('\n')}
          onChange={(text) => onChange(text.split('\n'))}
          onBlur={() => onChange(splitValues(values.join('\n')))}
          description={`One value a line. ${values.length} now.`}
        />
        <Button kind="quiet" onPress={() => setAsText(false)}>
          Done
        </Button>
      </div>
    );
  }
  return (
    <div className="flex flex-col gap-2">
      <Chips values={values} onRemove={(value) => onChange(values.filter((other) => other !== value))} />
      <div className="flex flex-wrap items-start gap-2">
        <TextField
          label={label}
          hideLabel
          className="min-w-40 flex-1"
          value={typed}
          onChange={(text) => (/[\n,]/.test(text) ? add(text) : setTyped(text))}
          onBlur={() => add(typed)}
          onEnter={() => add(typed)}
          placeholder="Add values: Enter or a comma ends one"
          error={error}
        />
        <Button kind="quiet" onPress={() => setAsText(true)}>
          Edit as text
        </Button>
      </div>
    </div>
  );
}

function LegalValues({ label, values, onChange, legal, error }: Parameters<typeof ValuesInput>[0]) {
  const [filter, setFilter] = useState('');
  const foreign = values.filter((value) => !legal.some((one) => one.value === value));
  const shown = legal.filter(({ value, description }) =>
    `${value} ${description ?? ''}`.toLowerCase().includes(filter.toLowerCase()),
  );
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="sr-only">{label}</legend>
      {foreign.length > 0 && (
        <>
          <p className="text-sm text-warn">No longer among the field’s values:</p>
          <Chips values={foreign} onRemove={(value) => onChange(values.filter((other) => other !== value))} />
        </>
      )}
      {legal.length > 10 && (
        <TextField
          label={`Filter ${label}`}
          hideLabel
          placeholder="Filter values"
          value={filter}
          onChange={setFilter}
        />
      )}
      <div className="grid max-h-48 gap-1 overflow-y-auto rounded-md border p-2 sm:grid-cols-2">
        {shown.map(({ value, description }) => (
          <Checkbox
            key={value}
            checked={values.includes(value)}
            onChange={(checked) => onChange(checked ? [...values, value] : values.filter((other) => other !== value))}
            description={description}
          >
            {value}
          </Checkbox>
        ))}
      </div>
      {error && <p className="text-sm text-bad">{error}</p>}
    </fieldset>
  );
}

function Chips({ values, onRemove }: { values: string[]; onRemove: (value: string) => void }) {
  if (values.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-1">
      {values.slice(0, chipsMax).map((value) => (
        <li key={value} className="inline-flex items-center gap-1 rounded-sm border bg-sunken pl-1.5 text-sm">
          {value}
          <button
            type="button"
            aria-label={`Remove ${value}`}
            className="flex size-6 items-center justify-center rounded-sm hover:text-bad"
            onClick={() => onRemove(value)}
          >
            <X size={12} aria-hidden="true" />
          </button>
        </li>
      ))}
      {values.length > chipsMax && <li className="text-sm text-soft">and {values.length - chipsMax} more</li>}
    </ul>
  );
}

/** Values in a text: separated by commas or lines, without blanks around them, each once. */
export function splitValues(text: string): string[] {
  return [
    ...new Set(
      text
        .split(/[\n,]/)
        .map((value) => value.trim())
        .filter(Boolean),
    ),
  ];
}
