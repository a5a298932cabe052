import { Plus, Trash2 } from 'lucide-react';
import type { Schemas } from '../../api/client';
import { Button, IconButton } from '../../ui/Button';
import { Checkbox, SelectField, TextField } from '../../ui/Fields';
import {
  type Constraint,
  constraintFault,
  newConstraint,
  type Operator,
  operatorOptions,
  operatorWords,
  sortOf,
  takesList,
} from './operators';
import { ValuesInput } from './ValuesInput';

type ContextField = Schemas['ContextField'];

/** Constraints that all have to hold, each edited in place. */
export function ConstraintList(props: {
  constraints: Constraint[];
  onChange: (constraints: Constraint[]) => void;
  fields: ContextField[];
  /** What the server found wrong, by the constraint's place. */
  errors?: Record<number, string>;
}) {
  const { constraints, onChange, fields, errors = {} } = props;
  return (
    <div className="flex flex-col gap-2">
      {constraints.map((constraint, place) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: constraints have no identity but their place
          key={place}
        >
          {place > 0 && <p className="mb-2 text-xs font-semibold text-soft">and</p>}
          <ConstraintEditor
            name={`Constraint ${place + 1}`}
            constraint={constraint}
            onChange={(changed) => onChange(constraints.map((other, at) => (at === place ? changed : other)))}
            onRemove={() => onChange(constraints.filter((_, at) => at !== place))}
            fields={fields}
            error={errors[place]}
          />
        </div>
      ))}
      <div>
        <Button
          icon={<Plus size={15} aria-hidden="true" />}
          onPress={() => onChange([...constraints, newConstraint(fields[0]?.name ?? 'userId')])}
        >
          Add constraint
        </Button>
      </div>
    </div>
  );
}

function ConstraintEditor(props: {
  name: string;
  constraint: Constraint;
  onChange: (constraint: Constraint) => void;
  onRemove: () => void;
  fields: ContextField[];
  error?: string | undefined;
}) {
  const { name, constraint, onChange, onRemove, fields, error } = props;
  const { contextName, operator, values = [], value } = constraint;
  const sort = sortOf(operator);
  const legal = fields.find((field) => field.name === contextName)?.legalValues ?? [];
  const known = fields.some((field) => field.name === contextName) || contextName === '';
  const fault = error ?? constraintFault(constraint);

  function choose(operator: Operator) {
    // What was typed stays as long as the new operator can use it.
    onChange({
      ...constraint,
      operator,
      caseInsensitive:
        sortOf(operator) === 'text list' || operator === 'REGEX' ? (constraint.caseInsensitive ?? false) : false,
      ...(takesList(operator)
        ? { value: '' }
        : { values: [], value: takesList(constraint.operator) ? '' : (value ?? '') }),
    });
  }

  return (
    <fieldset className="rounded-md border p-3">
      <legend className="sr-only">{name}</legend>
      <div className="flex flex-wrap items-start gap-2">
        <SelectField
          label={`${name}: context field`}
          hideLabel
          className="min-w-36 flex-1"
          value={contextName}
          onChange={(chosen) => {
            const wantsDate = chosen === 'currentTime' && sort !== 'date';
            onChange(wantsDate ? newConstraint(chosen) : { ...constraint, contextName: chosen });
          }}
          options={[
            ...fields.map((field) => ({
              value: field.name,
              label: field.name,
              ...(field.description ? { description: field.description } : {}),
            })),
            ...(known ? [] : [{ value: contextName, label: contextName }]),
          ]}
        />
        <SelectField
          label={`${name}: operator`}
          hideLabel
          className="min-w-40 flex-1"
          value={operator}
          onChange={choose}
          options={operatorOptions}
        />
        <IconButton label={`Remove ${name.toLowerCase()}`} icon={<Trash2 size={15} />} onPress={onRemove} />
      </div>
      <div className="mt-2">
        {takesList(operator) ? (
          <ValuesInput
            label={`${name}: values`}
            values={values}
            onChange={(values) => onChange({ ...constraint, values })}
            legal={legal}
            error={fault}
          />
        ) : sort === 'date' ? (
          <TextField
            label={`${name}: moment`}
            hideLabel
            type="datetime-local"
            value={toLocal(value ?? '')}
            onChange={(local) => onChange({ ...constraint, value: fromLocal(local) })}
            description={value ? `${value} (UTC)` : 'In your own time zone.'}
            error={fault}
          />
        ) : (
          <TextField
            label={`${name}: value`}
            hideLabel
            mono={sort === 'pattern' || sort === 'version'}
            placeholder={{ number: '42', version: '1.2.3', pattern: '^user-\\d+$', list: '', 'text list': '' }[sort]}
            value={value ?? ''}
            onChange={(value) => onChange({ ...constraint, value })}
            error={fault}
          />
        )}
      </div>
      <div className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm">
        <Checkbox checked={constraint.inverted ?? false} onChange={(inverted) => onChange({ ...constraint, inverted })}>
          The opposite: {contextName || 'it'} {operatorWords({ operator, inverted: true })}
        </Checkbox>
        {(sort === 'text list' || sort === 'pattern') && (
          <Checkbox
            checked={constraint.caseInsensitive ?? false}
            onChange={(caseInsensitive) => onChange({ ...constraint, caseInsensitive })}
          >
            Ignore case
          </Checkbox>
        )}
      </div>
    </fieldset>
  );
}

/** Of a moment in UTC, what an input of type `datetime-local` shows; empty where it is none. */
function toLocal(value: string): string {
  const when = new Date(value);
  if (Number.isNaN(when.getTime())) return '';
  return new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function fromLocal(local: string): string {
  const when = new Date(local);
  return Number.isNaN(when.getTime()) ? '' : when.toISOString();
}
