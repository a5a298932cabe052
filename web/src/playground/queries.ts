import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../api/client';
import { kinds } from '../api/live';
import { type ContextValues, given } from '../kit/context/context';

export type Asked = { context: ContextValues; environments: string[] /** All if empty. */; projects: string[] };

// What the server's own fields are called; all others are properties.
const ofServer = ['appName', 'currentTime', 'userId', 'sessionId', 'remoteAddress'];

/** Spaces around commas are for reading. */
function tidy(name: string, value: string): string {
  if (name === 'currentTime') return value;
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part, _, all) => part !== '' || all.length === 1)
    .join(',');
}

function bodyOf({ context, environments, projects }: Asked): Schemas['AdvancedPlaygroundRequest'] {
  const fields = Object.entries(given(context)).map(([name, value]): [string, string] => [name, tidy(name, value)]);
  const own = Object.fromEntries(fields.filter(([name]) => ofServer.includes(name)));
  const properties = Object.fromEntries(fields.filter(([name]) => !ofServer.includes(name)));
  return {
    environments,
    projects: projects.length > 0 ? projects : '*',
    // The document says of other fields that they are nothing at all.
    context: { appName: 'playground', ...own, properties } as Schemas['PlaygroundContext'],
  };
}

export const playgroundQuery = (asked: Asked) =>
  queryOptions({
    queryKey: ['playground', asked],
    queryFn: () => answered(api.POST('/api/admin/playground/advanced', { body: bodyOf(asked) })),
    meta: { touchedBy: kinds('feature', 'segment', 'environment', 'project') },
    placeholderData: keepPreviousData,
    enabled: asked.environments.length > 0,
    retry: false,
  });
