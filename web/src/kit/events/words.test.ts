import { expect, test } from 'vitest';
import { deed, type LoggedEvent, thing, thingId, typeName } from './words';

const event = (given: Partial<LoggedEvent>): LoggedEvent => ({
  id: 1,
  type: 'segment-created',
  label: 'Segment created',
  summary: '',
  createdAt: '2026-01-31T12:00:00.000Z',
  createdBy: 'admin',
  createdByUserId: 1,
  tags: [],
  ...given,
});

test('what was done is put into words', () => {
  const check = (type: string, words: string) => expect(deed({ type, label: typeName(type) })).toBe(words);
  check('feature-created', 'created');
  check('segment-updated', 'changed segment');
  check('context-field-deleted', 'deleted context field');
  check('addon-config-created', 'created integration');
  check('api-token-created', 'created API token');
  check('feature-environment-enabled', 'turned on');
  check('feature-strategy-add', 'added a strategy to');
  check('something-of-a-later-release', 'something of a later release');
});

test('types have names', () => {
  expect(['feature-created', 'api-token-deleted', 'pat-created', 'addon-config-updated'].map(typeName)).toEqual([
    'Feature created',
    'API token deleted',
    'Personal token created',
    'Integration updated',
  ]);
});

test('the thing is named by what the event has', () => {
  expect(thing(event({ featureName: 'checkout', data: { name: 'other' } }))).toBe('checkout');
  expect(thing(event({ data: { name: 'beta users', id: 4 } }))).toBe('beta users');
  expect(thing(event({ preData: { username: 'ann' } }))).toBe('ann');
  expect(thing(event({ type: 'project-updated', project: 'web', data: { name: 'Web' } }))).toBe('web');
  expect(thing(event({ type: 'tag-created', data: { type: 'simple', value: 'a' } }))).toBe('simple:a');
  expect(thing(event({ data: null }))).toBeUndefined();
  expect(thingId(event({ data: { id: 4 } }))).toBe(4);
  expect(thingId(event({ data: { id: 'x' } }))).toBeUndefined();
});
