import { useState } from 'react';
import { type Control, useController } from 'react-hook-form';
import { typeName } from '../kit/events/words';
import { matches } from '../kit/table/ListTable';
import { Checkbox, RadioGroup, TextField } from '../ui/Fields';
import { type Fields, grouped } from './integration';

/** All events, or some types of them. */
export function EventTypesInput({ control, types }: { control: Control<Fields>; types: string[] }) {
  const [filter, setFilter] = useState('');
  const { field, fieldState } = useController({
    control,
    name: 'events',
    rules: { validate: (chosen) => (chosen?.length === 0 ? 'Choose one type of events at least.' : true) },
  });
  const chosen = field.value;
  const shown = types.filter((type) => matches(`${type} ${typeName(type)}`, filter));
  const known = [...new Set([...types, ...(chosen ?? [])])];

  function choose(some: string[], isOn: boolean) {
    const others = (chosen ?? []).filter((type) => !some.includes(type));
    field.onChange(known.filter((type) => others.includes(type) || (isOn && some.includes(type))));
  }

  return (
    <div className="flex flex-col gap-2">
      <RadioGroup
        label="Told of"
        value={chosen === null ? 'all' : 'some'}
        onChange={(which) => field.onChange(which === 'all' ? null : [])}
        error={fieldState.error?.message}
        options={[
          { value: 'all', label: 'All events' },
          {
            value: 'some',
            label: chosen === null ? 'Only some types of events' : `Only ${chosen.length} types of events`,
          },
        ]}
      />
      {chosen !== null && (
        <div className="ml-6 flex flex-col gap-2 rounded-md border p-2">
          <TextField
            label="Filter types of events"
            hideLabel
            type="search"
            placeholder="Filter"
            value={filter}
            onChange={setFilter}
          />
          <div
            className="flex max-h-64 flex-col gap-3 overflow-y-auto p-0.5"
            role="group"
            aria-label="Types of events"
            tabIndex={0}
          >
            {grouped(shown).map(([noun, some]) => {
              const on = some.filter((type) => chosen.includes(type)).length;
              return (
                <div key={noun} className="flex flex-col gap-1">
                  <Checkbox
                    checked={on === some.length}
                    indeterminate={on > 0 && on < some.length}
                    onChange={(isOn) => choose(some, isOn)}
                  >
                    <span className="font-semibold">{noun}</span>
                  </Checkbox>
                  <div className="ml-6.5 grid gap-x-4 gap-y-1 sm:grid-cols-2">
                    {some.map((type) => (
                      <Checkbox key={type} checked={chosen.includes(type)} onChange={(isOn) => choose([type], isOn)}>
                        {typeName(type)}
                      </Checkbox>
                    ))}
                  </div>
                </div>
              );
            })}
          </div>
        </div>
      )}
    </div>
  );
}
