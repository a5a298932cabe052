import { type Control, useController } from 'react-hook-form';
import { TextInput } from '../kit/form/inputs';
import { ProjectsInput } from '../kit/form/ProjectsInput';
import { linkClass } from '../kit/layout/Page';
import { useSession } from '../kit/session';
import { Note } from '../ui/Bits';
import { Checkbox, labelClass } from '../ui/Fields';
import { EventTypesInput } from './EventTypesInput';
import { type Fields, mask, type Provider } from './integration';

/** What an integration is made of: what its provider needs, and what it is told of. */
export function IntegrationFields({ control, provider }: { control: Control<Fields>; provider: Provider }) {
  const hasMasked = Object.values(control._defaultValues.parameters ?? {}).includes(mask);
  return (
    <>
      {provider.deprecated && <Note tone="warn">{provider.deprecated}</Note>}
      <p className="text-soft">
        {provider.howTo.replaceAll('`', '')}{' '}
        <a href={provider.documentationUrl} target="_blank" rel="noreferrer" className={linkClass}>
          Documentation
        </a>
      </p>
      <TextInput
        control={control}
        name="description"
        label="Description"
        description="Tells this one from others, as: the release channel."
      />
      {hasMasked && <Note>Secrets are not shown again. {mask} keeps the one there is; anything else replaces it.</Note>}
      {provider.parameters.map(({ name, displayName, description, placeholder, type, required }) => (
        <TextInput
          key={name}
          control={control}
          name={`parameters.${name}`}
          label={displayName}
          description={description.replaceAll('`', '')}
          required={required}
          mono={type === 'textfield'}
          {...(type === 'textfield' ? { rows: 3 } : {})}
          {...(placeholder ? { placeholder } : {})}
          rules={{
            validate: (value: unknown) => (required && value === '' ? `${displayName} is needed.` : true),
          }}
        />
      ))}
      <EventTypesInput control={control} types={provider.events} />
      <ProjectsInput control={control} name="projects" label="Of projects" all="All projects, also later ones" />
      <EnvironmentsInput control={control} />
    </>
  );
}

function EnvironmentsInput({ control }: { control: Control<Fields> }) {
  const { environments } = useSession();
  const { field } = useController({ control, name: 'environments' });
  const chosen = field.value;
  return (
    <fieldset className="flex flex-col gap-1.5">
      <legend className={labelClass}>In environments</legend>
      <div className="flex flex-wrap gap-x-4 gap-y-1.5">
        {environments.map(({ name }) => (
          <Checkbox
            key={name}
            checked={chosen.includes(name)}
            onChange={(isOn) => field.onChange(isOn ? [...chosen, name] : chosen.filter((other) => other !== name))}
          >
            {name}
          </Checkbox>
        ))}
      </div>
      <p className="text-sm text-soft">
        {chosen.length === 0 ? 'None is chosen, so all count. ' : ''}Events that belong to no environment always count.
      </p>
    </fieldset>
  );
}
