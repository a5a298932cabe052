import type { Schemas } from '../../api/client';

export type LoggedEvent = Schemas['Event'];

// What was done, for people: completed by the thing's name. Types that read well as they are ("segment-created") are
// put into words by their parts.
const phrases: Record<string, string> = {
  'feature-environment-enabled': 'turned on',
  'feature-environment-disabled': 'turned off',
  'feature-strategy-add': 'added a strategy to',
  'feature-strategy-update': 'changed a strategy of',
  'feature-strategy-remove': 'removed a strategy from',
  'strategy-order-changed': 'reordered the strategies of',
  'feature-environment-variants-updated': 'changed the variants of',
  'feature-variants-updated': 'changed the variants of',
  'feature-metadata-updated': 'changed the description of',
  'feature-project-change': 'moved to another project:',
  'feature-stale-on': 'marked as stale:',
  'feature-stale-off': 'marked as in use:',
  'feature-potentially-stale-on': 'found potentially stale:',
  'feature-tagged': 'tagged',
  'feature-untagged': 'took a tag from',
  'feature-dependency-added': 'added a dependency to',
  'feature-dependency-removed': 'removed a dependency from',
  'feature-dependencies-removed': 'removed all dependencies from',
  'feature-link-added': 'added a link to',
  'feature-link-updated': 'changed a link of',
  'feature-link-removed': 'removed a link from',
  'feature-favorited': 'made a favourite of',
  'feature-unfavorited': 'no longer has as a favourite',
  'feature-completed': 'completed',
  'feature-uncompleted': 'reopened',
  'project-favorited': 'made a favourite of project',
  'project-unfavorited': 'no longer has as a favourite: project',
  'project-environment-added': 'added an environment to project',
  'project-environment-removed': 'removed an environment from project',
  'default-strategy-updated': 'changed the default strategy of project',
  'features-exported': 'exported features',
  'features-imported': 'imported features',
  'strategy-deprecated': 'deprecated strategy',
  'strategy-reactivated': 'reactivated strategy',
  'password-reset-issued': 'asked for a new password',
  'pat-created': 'created a personal token',
  'pat-deleted': 'deleted a personal token',
  'user-password-changed': 'changed the password of',
  'user-feedback-given': 'answered a question',
  'user-splash-seen': 'saw a message',
  'public-signup-token-created': 'created an invitation',
  'public-signup-token-updated': 'changed an invitation',
  'public-signup-token-user-added': 'signed up by an invitation:',
};

const nouns: Record<string, string> = { addon: 'integration', 'addon-config': 'integration', 'api-token': 'API token' };
const verbs: Record<string, string> = { updated: 'changed', archived: 'archived', revived: 'revived' };

/** `changed segment`, `turned on`: what was done, without the thing's name. */
export function deed(event: Pick<LoggedEvent, 'type' | 'label'>): string {
  const phrase = phrases[event.type];
  if (phrase) return phrase;
  const [, noun, verb] = /^(.+)-([a-z]+)$/.exec(event.type) ?? [];
  if (!noun || !verb?.endsWith('ed')) return event.label.toLowerCase();
  const thing = noun === 'feature' ? '' : ` ${nouns[noun] ?? noun.replaceAll('-', ' ')}`;
  return `${verbs[verb] ?? verb}${thing}`;
}

/** `Feature created`, of `feature-created`. */
export function typeName(type: string): string {
  const words = type
    .replace(/^addon-config/, 'integration')
    .replace(/^api-/, 'API-')
    .replace(/^pat-/, 'personal-token-')
    .replace(/^public-signup-token/, 'invitation')
    .replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function textOf(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found = (value as Record<string, unknown>)[key];
  return typeof found === 'string' || typeof found === 'number' ? String(found) : undefined;
}

const keys = ['name', 'tokenName', 'username', 'email', 'appName', 'provider', 'id'];

/** The name of what it happened to. */
export function thing(event: LoggedEvent): string | undefined {
  if (event.featureName) return event.featureName;
  if (event.type.startsWith('project-') || event.type === 'default-strategy-updated') return event.project ?? undefined;
  if (event.type.startsWith('tag-') && !event.type.startsWith('tag-type-')) {
    const tag = event.data ?? event.preData;
    return [textOf(tag, 'type'), textOf(tag, 'value')].filter(Boolean).join(':') || undefined;
  }
  for (const key of keys) {
    const found = textOf(event.data, key) ?? textOf(event.preData, key);
    if (found) return found;
  }
  return undefined;
}

/** Its number, where the things of this kind have one. */
export function thingId(event: LoggedEvent): number | undefined {
  const id = Number(textOf(event.data, 'id') ?? textOf(event.preData, 'id'));
  return Number.isInteger(id) ? id : undefined;
}
