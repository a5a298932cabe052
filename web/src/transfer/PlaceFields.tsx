import { useSession } from '../kit/session';
import { useUrl } from '../kit/url';
import { SelectField } from '../ui/Fields';

export type Place = { project: string; environment: string };

/** The project and the environment that the address names, or the first there are. */
export function usePlace(): [Place, (change: Partial<Place>) => void] {
  const { projects, environments } = useSession();
  const [search, setUrl] = useUrl<Partial<Place>>();
  const known = (name: string | undefined, names: string[]) => (name && names.includes(name) ? name : (names[0] ?? ''));
  const place = {
    project: known(
      search.project,
      projects.map(({ id }) => id),
    ),
    environment: known(
      search.environment,
      environments.map(({ name }) => name),
    ),
  };
  return [place, setUrl];
}

export function EnvironmentField({ label, description }: { label: string; description: string }) {
  const { environments } = useSession();
  const [{ environment }, setPlace] = usePlace();
  return (
    <SelectField
      label={label}
      description={description}
      value={environment}
      onChange={(environment) => setPlace({ environment })}
      options={environments.map(({ name, type }) => ({
        value: name,
        label: name,
        ...(type === name ? {} : { description: `of type ${type}` }),
      }))}
    />
  );
}

export function ProjectField({ label, description }: { label: string; description: string }) {
  const { projects } = useSession();
  const [{ project }, setPlace] = usePlace();
  return (
    <SelectField
      label={label}
      description={description}
      value={project}
      onChange={(project) => setPlace({ project })}
      options={projects.map(({ id, name }) => ({ value: id, label: name }))}
    />
  );
}
