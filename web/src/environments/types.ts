import type { Option } from '../ui/Fields';

/** What an environment can be for. The server takes any other word as well. */
const types: Option[] = [
  { value: 'development', label: 'Development', description: 'Where features are made; changes reach nobody else.' },
  { value: 'test', label: 'Test', description: 'Where people and programs test.' },
  { value: 'preproduction', label: 'Pre-production', description: 'The last stop before production.' },
  {
    value: 'production',
    label: 'Production',
    description: 'What customers use: every change there is shown and confirmed first.',
  },
];

/** With the word that an environment has already. */
export function typeOptions(now?: string): Option[] {
  return now === undefined || types.some(({ value }) => value === now) ? types : [...types, { value: now, label: now }];
}

export function typeLabel(type: string): string {
  return types.find(({ value }) => value === type)?.label ?? type;
}
