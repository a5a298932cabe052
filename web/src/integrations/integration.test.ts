import { expect, test } from 'vitest';
import { bodyOf, fieldsOf, grouped, type Integration, mask, type Provider, scopeOf } from './integration';

const provider: Provider = {
  name: 'webhook',
  displayName: 'Webhook',
  description: '',
  documentationUrl: '',
  howTo: '',
  events: [],
  parameters: ['url', 'contentType'].map((name) => ({
    name,
    displayName: name,
    description: '',
    required: false,
    sensitive: name === 'url',
    type: 'text',
  })),
};
const integration: Integration = {
  id: 1,
  provider: 'webhook',
  description: null,
  enabled: true,
  parameters: { url: mask, retries: 3 },
  events: ['feature-created'],
  projects: [],
  environments: [],
  createdAt: '2026-01-31T12:00:00.000Z',
};

test('what is read and sent back is the same, with secrets as the server masks them', () => {
  const fields = fieldsOf(integration, provider);
  expect(fields.parameters).toEqual({ url: mask, contentType: '', retries: '3' });
  expect(bodyOf('webhook', fields)).toEqual({
    provider: 'webhook',
    description: '',
    enabled: true,
    parameters: { url: mask, retries: '3' },
    events: ['feature-created'],
    projects: [],
    environments: [],
  });
});

test('all events are a star', () => {
  const fields = fieldsOf({ ...integration, events: ['*'], projects: ['*'] }, provider);
  expect(fields.events).toBeNull();
  expect(fields.projects).toBeNull();
  expect(bodyOf('webhook', fields).events).toEqual(['*']);
});

test('what it is told of, in one line', () => {
  expect(scopeOf(integration)).toBe('1 type of events of all projects');
  expect(scopeOf({ ...integration, events: ['*'], projects: ['a', 'b'], environments: ['production'] })).toBe(
    'all events of a, b, in production',
  );
});

test('types are grouped by what they happen to', () => {
  expect(grouped(['api-token-created', 'feature-created', 'feature-archived', 'odd'])).toEqual([
    ['Features', ['feature-created', 'feature-archived']],
    ['Tokens', ['api-token-created']],
    ['Other', ['odd']],
  ]);
});
