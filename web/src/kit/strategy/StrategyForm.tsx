import { useSuspenseQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import type { Schemas } from '../../api/client';
import { IconButton } from '../../ui/Button';
import { Checkbox, SelectField, Switch, TextField } from '../../ui/Fields';
import { PercentSlider } from '../../ui/Slider';
import { ConstraintList } from '../constraints/ConstraintList';
import { ConstraintText } from '../constraints/ConstraintText';
import { splitValues } from '../constraints/ValuesInput';
import { projectContextFieldsQuery, segmentsQuery, strategyTypesQuery } from '../queries';
import { balanced, rolloutOf, type StrategyDraft } from './strategy';
import { VariantsEditor } from './VariantsEditor';

type Props = { draft: StrategyDraft; onChange: (draft: StrategyDraft) => void; projectId: string; featureName: string };

/** Everything about a strategy: how many, who, with which variants. */
export function StrategyForm({ draft, onChange, projectId, featureName }: Props) {
  const { data: fields } = useSuspenseQuery(projectContextFieldsQuery(projectId));
  const { data: segments } = useSuspenseQuery(segmentsQuery);
  const { data: kinds } = useSuspenseQuery(strategyTypesQuery);
  const kind = kinds.strategies.find(({ name }) => name === draft.name);
  const offered = segments.segments.filter(({ project }) => !project || project === projectId);

  function set(parameter: string, value: string) {
    onChange({ ...draft, parameters: { ...draft.parameters, [parameter]: value } });
  }

  return (
    <>
      <section className="flex flex-col gap-3">
        <h3 className="font-semibold">How many</h3>
        {draft.name === 'flexibleRollout' ? (
          <>
            <PercentSlider
              label="Rollout"
              value={rolloutOf(draft)}
              onChange={(share) => set('rollout', String(share))}
            />
            <div className="grid gap-3 sm:grid-cols-2">
              <SelectField
                label="Stickiness"
                description="Who has the same value here has the same answer, each time."
                value={draft.parameters.stickiness ?? 'default'}
                onChange={(stickiness) =>
                  onChange({
                    ...draft,
                    parameters: { ...draft.parameters, stickiness },
                    variants: draft.variants.map((variant) => ({ ...variant, stickiness })),
                  })
                }
                options={stickinessOptions(fields, draft.parameters.stickiness)}
              />
              <TextField
                label="Group id"
                description="Features with the same group admit the same people."
                value={draft.parameters.groupId ?? featureName}
                onChange={(groupId) => set('groupId', groupId)}
              />
            </div>
          </>
        ) : (
          <KindParameters kind={kind} parameters={draft.parameters} set={set} />
        )}
      </section>

      <section className="flex flex-col gap-3">
        <h3 className="font-semibold">Who</h3>
        <p className="text-sm text-soft">
          {draft.constraints.length + draft.segments.length === 0
            ? 'Everybody. Add a segment or a constraint to admit some alone.'
            : 'Those who are in all of the segments and fit all of the constraints.'}
        </p>
        <SegmentsChooser
          segments={offered}
          chosen={draft.segments}
          onChange={(segments) => onChange({ ...draft, segments })}
        />
        <ConstraintList
          constraints={draft.constraints}
          onChange={(constraints) => onChange({ ...draft, constraints })}
          fields={fields}
        />
      </section>

      <section className="flex flex-col gap-3">
        <h3 className="font-semibold">Variants</h3>
        <p className="text-sm text-soft">
          Whoever is admitted gets one of these, with a payload for the code, if there are any.
        </p>
        <VariantsEditor
          variants={draft.variants}
          stickiness={draft.parameters.stickiness ?? 'default'}
          onChange={(variants) => onChange({ ...draft, variants: balanced(variants) })}
        />
      </section>

      <section className="flex flex-col gap-3">
        <h3 className="font-semibold">Name and state</h3>
        <TextField
          label="Title"
          placeholder="For people: beta users, all of Norway"
          value={draft.title}
          onChange={(title) => onChange({ ...draft, title })}
        />
        <Switch label="Enabled" on={!draft.disabled} onChange={(on) => onChange({ ...draft, disabled: !on })} />
      </section>
    </>
  );
}

function stickinessOptions(fields: Schemas['ContextField'][], current: string | undefined) {
  const names = new Set([
    'default',
    'userId',
    'sessionId',
    'random',
    ...fields.filter(({ stickiness }) => stickiness).map(({ name }) => name),
  ]);
  if (current) names.add(current);
  const about: Record<string, string> = {
    default: 'User id, else session id, else by chance',
    random: 'By chance, anew each time',
  };
  return [...names].map((name) => ({ value: name, label: name, ...(about[name] ? { description: about[name] } : {}) }));
}

/** The parameters of a strategy that is no gradual rollout, as its type describes them. */
function KindParameters({
  kind,
  parameters,
  set,
}: {
  kind: Schemas['StrategyDefinition'] | undefined;
  parameters: Record<string, string>;
  set: (name: string, value: string) => void;
}) {
  if (!kind || kind.parameters.length === 0)
    return <p className="text-soft">{kind?.description || 'Everybody who fits below.'}</p>;
  return (
    <>
      {kind.description && <p className="text-sm text-soft">{kind.description}</p>}
      {kind.parameters.map(({ name, type, description }) => {
        const value = parameters[name] ?? '';
        const shared = { key: name, ...(description ? { description } : {}) };
        if (type === 'percentage')
          return (
            <PercentSlider
              key={name}
              label={name}
              value={Math.trunc(Number(value)) || 0}
              onChange={(share) => set(name, String(share))}
            />
          );
        if (type === 'boolean') {
          return (
            <Checkbox
              {...shared}
              key={name}
              checked={value === 'true'}
              onChange={(checked) => set(name, String(checked))}
            >
              {name}
            </Checkbox>
          );
        }
        return (
          <TextField
            {...shared}
            key={name}
            label={name}
            value={value}
            {...(type === 'list'
              ? {
                  rows: 3,
                  description: description || 'Values with commas between them.',
                  onBlur: () => set(name, splitValues(value).join(',')),
                }
              : {})}
            onChange={(value) => set(name, value)}
          />
        );
      })}
    </>
  );
}

function SegmentsChooser({
  segments,
  chosen,
  onChange,
}: {
  segments: Schemas['Segments']['segments'] & {};
  chosen: number[];
  onChange: (chosen: number[]) => void;
}) {
  const left = segments.filter(({ id }) => !chosen.includes(id));
  if (segments.length === 0) return null;
  return (
    <div className="flex flex-col gap-2">
      {chosen.map((id) => {
        const segment = segments.find((one) => one.id === id);
        const name = segment?.name ?? `segment ${id}`;
        return (
          <div key={id} className="flex items-start gap-2 rounded-md border px-3 py-1.5 text-sm">
            <div className="min-w-0 flex-1">
              <span className="text-soft">in segment</span> <span className="font-medium">{name}</span>
              <ul>
                {segment?.constraints.slice(0, 4).map((constraint, place) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: constraints have no identity but their place
                  <li key={place}>
                    <ConstraintText constraint={constraint} most={3} />
                  </li>
                ))}
              </ul>
            </div>
            <IconButton
              label={`Remove segment ${name}`}
              icon={<X size={14} />}
              onPress={() => onChange(chosen.filter((one) => one !== id))}
            />
          </div>
        );
      })}
      {left.length > 0 && (
        <SelectField
          label="Add segment"
          hideLabel
          className="sm:w-72"
          placeholder="Add a segment"
          value=""
          onChange={(id) => onChange([...chosen, Number(id)])}
          options={left.map(({ id, name, description }) => ({
            value: String(id),
            label: name,
            ...(description ? { description } : {}),
          }))}
        />
      )}
    </div>
  );
}
