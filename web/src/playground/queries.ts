import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../api/client';
import { kinds } from '../api/live';
import { type ContextValues, contextBody } from '../kit/context/context';

export type Asked = { context: ContextValues; environments: string[] /** All if empty. */; projects: string[] };

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
  const tidied = Object.fromEntries(Object.entries(context).map(([name, value]) => [name, tidy(name, value)]));
  return {
    environments,
    projects: projects.length > 0 ? projects : '*',
    context: contextBody(tidied, 'playground'),
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
