import { Plus, Trash2 } from 'lucide-react';
import type { Schemas } from '../../api/client';
import { Button, IconButton } from '../../ui/Button';
import { NumberField, SelectField, TextField } from '../../ui/Fields';
import { balanced, payloadFault, type Variant } from './strategy';
import { VariantSplit } from './VariantSplit';

type PayloadType = Schemas['PayloadType'];

/** Variants whose shares always add up: those without a share of their own take equal parts of what is left. */
export function VariantsEditor({
  variants,
  stickiness,
  onChange,
}: {
  variants: Variant[];
  stickiness: string;
  onChange: (variants: Variant[]) => void;
}) {
  function change(place: number, changed: Partial<Variant>) {
    onChange(balanced(variants.map((variant, at) => (at === place ? { ...variant, ...changed } : variant))));
  }

  function add() {
    onChange(balanced([...variants, { name: '', weight: 0, weightType: 'variable', stickiness }]));
  }

  return (
    <div className="flex flex-col gap-3">
      {variants.length > 0 && <VariantSplit variants={variants} />}
      {variants.map((variant, place) => (
        <VariantEditor
          // biome-ignore lint/suspicious/noArrayIndexKey: a variant's name changes while it is typed
          key={place}
          label={`Variant ${place + 1}`}
          variant={variant}
          onChange={(changed) => change(place, changed)}
          onRemove={() => onChange(balanced(variants.filter((_, at) => at !== place)))}
        />
      ))}
      <div>
        <Button icon={<Plus size={15} aria-hidden="true" />} onPress={add}>
          Add variant
        </Button>
      </div>
    </div>
  );
}

function VariantEditor({
  label,
  variant,
  onChange,
  onRemove,
}: {
  label: string;
  variant: Variant;
  onChange: (changed: Partial<Variant>) => void;
  onRemove: () => void;
}) {
  const { name, weight = 0, weightType, payload } = variant;
  return (
    <fieldset className="rounded-md border p-3">
      <legend className="sr-only">{label}</legend>
      <div className="flex flex-wrap items-start gap-2">
        <TextField
          label={`${label}: name`}
          hideLabel
          placeholder="Name"
          className="min-w-32 flex-1"
          value={name}
          onChange={(name) => onChange({ name })}
          error={name.trim() === '' ? 'A variant needs a name.' : undefined}
        />
        <SelectField
          label={`${label}: share`}
          hideLabel
          className="w-40"
          value={weightType ?? 'variable'}
          onChange={(weightType) => onChange({ weightType })}
          options={[
            { value: 'variable', label: 'Takes what is left' },
            { value: 'fix', label: 'Fixed share' },
          ]}
        />
        <NumberField
          label={`${label}: percent`}
          hideLabel
          className="w-24"
          value={weight / 10}
          min={0}
          max={100}
          step={0.1}
          unit="%"
          disabled={weightType !== 'fix'}
          onChange={(percent) => onChange({ weight: Math.round((Number.isFinite(percent) ? percent : 0) * 10) })}
        />
        <IconButton label={`Remove ${label.toLowerCase()}`} icon={<Trash2 size={15} />} onPress={onRemove} />
      </div>
      <div className="mt-2 flex flex-wrap items-start gap-2">
        <SelectField
          label={`${label}: payload type`}
          hideLabel
          className="w-40"
          value={payload?.type ?? 'none'}
          onChange={(type) =>
            onChange({ payload: type === 'none' ? null : { type: type as PayloadType, value: payload?.value ?? '' } })
          }
          options={[
            { value: 'none', label: 'No payload' },
            { value: 'string', label: 'Text' },
            { value: 'json', label: 'JSON' },
            { value: 'csv', label: 'CSV' },
            { value: 'number', label: 'Number' },
          ]}
        />
        {payload && (
          <TextField
            label={`${label}: payload`}
            hideLabel
            mono={payload.type === 'json' || payload.type === 'csv'}
            {...(payload.type === 'json' || payload.type === 'csv' ? { rows: 3 } : {})}
            className="min-w-40 flex-1"
            value={payload.value}
            onChange={(value) => onChange({ payload: { ...payload, value } })}
            error={payloadFault(payload)}
          />
        )}
      </div>
    </fieldset>
  );
}
