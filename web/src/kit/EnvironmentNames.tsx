import { EnvironmentName } from './EnvironmentName';
import { useSession } from './session';

/** Some environments, in the order that the installation gives them. `*` stands for all. */
export function EnvironmentNames({ names, none = 'none' }: { names: string[]; none?: string }) {
  const { environments } = useSession();
  if (names.length === 0) return <span className="text-soft">{none}</span>;
  if (names.includes('*')) return <span>all</span>;
  const known = environments.filter(({ name }) => names.includes(name));
  const gone = names.filter((name) => !environments.some((environment) => environment.name === name));
  return (
    <span className="inline-flex flex-wrap gap-1">
      {known.map(({ name, type }) => (
        <EnvironmentName key={name} name={name} type={type} />
      ))}
      {gone.map((name) => (
        <EnvironmentName key={name} name={name} type="" />
      ))}
    </span>
  );
}
