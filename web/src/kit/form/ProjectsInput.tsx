import { useState } from 'react';
import { type Control, type FieldPathByValue, type FieldValues, useController } from 'react-hook-form';
import { Checkbox, RadioGroup, TextField } from '../../ui/Fields';
import { useSession } from '../session';
import { matches } from '../table/ListTable';

export type ProjectsInputProps<T extends FieldValues> = {
  control: Control<T>;
  /** Their ids; null are all. */
  name: FieldPathByValue<T, string[] | null>;
  label: string;
  /** What "all" means here. */
  all: string;
};

/** All projects, or some of them. */
export function ProjectsInput<T extends FieldValues>({ control, name, label, all }: ProjectsInputProps<T>) {
  const { projects } = useSession();
  const [filter, setFilter] = useState('');
  const { field, fieldState } = useController({
    control,
    name,
    rules: {
      validate: (chosen: string[] | null) =>
        chosen !== null && chosen.length === 0 ? 'Choose one project at least.' : true,
    } as never,
  });
  const chosen: string[] | null = field.value;
  return (
    <div className="flex flex-col gap-2">
      <RadioGroup
        label={label}
        value={chosen === null ? 'all' : 'some'}
        onChange={(which) => field.onChange(which === 'all' ? null : [])}
        error={fieldState.error?.message}
        options={[
          { value: 'all', label: all },
          { value: 'some', label: 'Only some projects' },
        ]}
      />
      {chosen !== null && (
        <div className="ml-6 flex flex-col gap-2 rounded-md border p-2">
          {projects.length > 10 && (
            <TextField
              label="Filter projects"
              hideLabel
              type="search"
              placeholder="Filter"
              value={filter}
              onChange={setFilter}
            />
          )}
          <div className="flex max-h-48 flex-col gap-1.5 overflow-y-auto p-0.5" role="group" aria-label="Projects">
            {projects
              .filter((project) => matches(`${project.id} ${project.name}`, filter))
              .map((project) => (
                <Checkbox
                  key={project.id}
                  checked={chosen.includes(project.id)}
                  onChange={(checked) =>
                    field.onChange(checked ? [...chosen, project.id] : chosen.filter((id) => id !== project.id))
                  }
                >
                  {project.name}
                </Checkbox>
              ))}
          </div>
        </div>
      )}
    </div>
  );
}
