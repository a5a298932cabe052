import { expect, test } from 'vitest';
import { permissionWords } from './words';

test.each([
  ['CREATE_FEATURE', 'Create feature'],
  ['CREATE_CLIENT_API_TOKEN', 'Create client API token'],
  ['UPDATE_CORS', 'Update CORS'],
  ['ADMIN', 'Admin'],
])('%s is read as %s', (name, words) => {
  expect(permissionWords(name)).toBe(words);
});
