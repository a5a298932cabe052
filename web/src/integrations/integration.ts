import type { Schemas } from '../api/client';

export type Integration = Schemas['Integration'];
export type Provider = Schemas['IntegrationProvider'];

/** Stands for a secret that the server keeps to itself. */
export const mask = '*****';

/** What the form edits. */
export type Fields = {
  description: string;
  enabled: boolean;
  parameters: Record<string, string>;
  /** Null are all. */
  events: string[] | null;
  /** Null are all. */
  projects: string[] | null;
  environments: string[];
};

/** A new one begins with what most people want to know. */
export function emptyFields({ parameters }: Provider): Fields {
  return {
    description: '',
    enabled: true,
    parameters: Object.fromEntries(parameters.map(({ name }) => [name, ''])),
    events: [
      'feature-created',
      'feature-archived',
      'feature-environment-enabled',
      'feature-environment-disabled',
      'feature-strategy-add',
      'feature-strategy-update',
      'feature-strategy-remove',
    ],
    projects: null,
    environments: [],
  };
}

export function fieldsOf(integration: Integration, provider: Provider | undefined): Fields {
  const { description, enabled, parameters, events, projects, environments } = integration;
  const names = new Set([...(provider?.parameters ?? []).map(({ name }) => name), ...Object.keys(parameters)]);
  return {
    description: description ?? '',
    enabled,
    parameters: Object.fromEntries([...names].map((name) => [name, textOf(parameters[name])])),
    events: events.includes('*') ? null : events,
    projects: projects.length === 0 || projects.includes('*') ? null : projects,
    environments: environments.filter((name) => name !== '*'),
  };
}

function textOf(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

/** What is sent: what was left empty is left out. */
export function bodyOf(provider: string, fields: Fields): Schemas['IntegrationInput'] {
  const parameters = Object.fromEntries(Object.entries(fields.parameters).filter(([, value]) => value !== ''));
  return {
    provider,
    description: fields.description,
    enabled: fields.enabled,
    parameters,
    events: fields.events ?? ['*'],
    projects: fields.projects ?? [],
    environments: fields.environments,
  };
}

/** `7 types of events in 2 projects, in production`. */
export function scopeOf({ events, projects, environments }: Integration): string {
  const all = (list: string[]) => list.length === 0 || list.includes('*');
  const what = events.includes('*')
    ? 'all events'
    : `${events.length} ${events.length === 1 ? 'type' : 'types'} of events`;
  const where = all(projects) ? 'of all projects' : `of ${projects.join(', ')}`;
  return `${what} ${where}${all(environments) ? '' : `, in ${environments.join(' and ')}`}`;
}

/** Types of events by what they happen to: `feature`, `project`, ... */
export function grouped(types: string[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const type of types) {
    const noun = nouns.find(([prefix]) => type.startsWith(prefix))?.[1] ?? 'Other';
    groups.set(noun, [...(groups.get(noun) ?? []), type]);
  }
  const order = [...new Set(nouns.map(([, noun]) => noun)), 'Other'];
  return order.flatMap((noun) => (groups.has(noun) ? [[noun, groups.get(noun) ?? []] as [string, string[]]] : []));
}

const nouns: [string, string][] = [
  ['feature', 'Features'],
  ['strategy-order', 'Features'],
  ['project', 'Projects'],
  ['default-strategy', 'Projects'],
  ['segment', 'Segments'],
  ['environment', 'Environments'],
  ['context-field', 'Context fields'],
  ['strategy', 'Strategies'],
  ['tag', 'Tags'],
  ['api-token', 'Tokens'],
  ['pat', 'Tokens'],
  ['user', 'People'],
  ['password', 'People'],
  ['public-signup', 'People'],
];
