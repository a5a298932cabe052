import type { Schemas } from '../api/client';
import type { Option } from '../ui/Fields';

/** Root roles to choose from, by id. */
export function roleOptions(roles: Schemas['Role'][]): Option[] {
  return roles.map(({ id, name, description }) => ({ value: String(id), label: name, description }));
}
