//! Validation of tokens for edges.
import { asEach, post } from '../lib/steps.mjs';

const VALIDATE = '/edge/validate';
const anon = { as: 'anon', compare: { unordered: ['tokens'] } };

export default [
    post('a backend and a frontend token', VALIDATE, { tokens: ['{{backendToken}}', '{{frontendToken}}'] }, anon),
    post('a token of all projects', VALIDATE, { tokens: ['{{backendAllToken}}'] }, anon),
    post('an unknown token', VALIDATE, { tokens: ['default:development.unknown'] }, anon),
    post('a malformed token', VALIDATE, { tokens: ['nonsense'] }, anon),
    post('an admin token', VALIDATE, { tokens: ['{{adminToken}}'] }, anon),
    post('a personal token', VALIDATE, { tokens: ['{{editorPat}}'] }, anon),
    post('one good and one bad', VALIDATE, { tokens: ['{{backendToken}}', 'default:development.unknown'] }, anon),
    post('one token twice', VALIDATE, { tokens: ['{{backendToken}}', '{{backendToken}}'] }, anon),
    post('no tokens', VALIDATE, { tokens: [] }, anon),
    post('without tokens', VALIDATE, {}, anon),
    post('a string', VALIDATE, { tokens: '{{backendToken}}' }, anon),
    post('a list of numbers', VALIDATE, { tokens: [1] }, anon),
    post('an unknown field', VALIDATE, { tokens: [], colour: 'red' }, anon),
    post('malformed JSON', VALIDATE, undefined, { ...anon, raw: '{' }),
    ...asEach(['backend', 'admin', 'badtoken'], post('validate', VALIDATE, { tokens: ['{{backendToken}}'] })),
];
