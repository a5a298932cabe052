//! Links by which people sign up: made, listed, switched off, used.
import { asEach, days, get, post, put } from '../lib/steps.mjs';

const LINKS = '/api/admin/invite-link/tokens';
const STRONG = 'Str0ng-passw0rd!';
const PERSON = { username: 'conf-s1', email: 'conf-s1@example.com', name: 'S One', password: STRONG };
const event = (name, type) => get(name, `/api/admin/search/events?type=IS:${type}&limit=1`, { compare: { ignore: ['total'] } });
const anon = { as: 'anon' };
const OURS = { compare: { unordered: ['tokens'], only: { tokens: '"conf ' } } };

export default [
    get('no links at first', LINKS),
    post('create a link', LINKS, { name: 'conf link', expiresAt: days(10) }, { save: { link: '$.secret' } }),
    post('create a link for long', LINKS, { name: 'conf long', expiresAt: days(400) }, { save: { long: '$.secret' } }),
    post('create a link that has expired', LINKS, { name: 'conf past', expiresAt: days(-1) }, { save: { past: '$.secret' } }),
    post('create a link with a used name', LINKS, { name: 'conf link', expiresAt: days(10) }, { save: { second: '$.secret' } }),
    post('create a link with nothing', LINKS, {}),
    post('create a link without name', LINKS, { expiresAt: days(10) }),
    post('create a link without expiry', LINKS, { name: 'conf x' }),
    post('create a link with an empty name', LINKS, { name: '', expiresAt: days(10) }),
    post('create a link with a number as name', LINKS, { name: 7, expiresAt: days(10) }),
    post('create a link with a bad expiry', LINKS, { name: 'conf x', expiresAt: 'later' }),
    post('create a link with a role', LINKS, { name: 'conf x', expiresAt: days(10), role: 1 }),
    ...asEach(['anon', 'badtoken', 'viewer', 'editor', 'backend', 'frontend'], post('create a link', LINKS, { name: 'conf x', expiresAt: days(10) })),
    event('event of a link', 'public-signup-token-created'),

    get('list links', LINKS, OURS),
    ...asEach(['anon', 'viewer', 'editor', 'backend'], get('list links', LINKS)),
    get('get a link', `${LINKS}/{{link}}`),
    get('get an unknown link', `${LINKS}/00000000000000000000000000000000`),
    ...asEach(['anon', 'viewer', 'editor'], get('get a link', `${LINKS}/{{link}}`)),

    get('validate a link', '/invite/{{link}}/validate', anon),
    get('validate a link as viewer', '/invite/{{link}}/validate', { as: 'viewer' }),
    get('validate a link that is for long', '/invite/{{long}}/validate', anon),
    get('validate a link that has expired', '/invite/{{past}}/validate', anon),
    get('validate an unknown link', '/invite/00000000000000000000000000000000/validate', anon),

    post('sign up with nothing', '/invite/{{link}}/signup', {}, anon),
    post('sign up without email', '/invite/{{link}}/signup', { ...PERSON, email: undefined }, anon),
    post('sign up without name', '/invite/{{link}}/signup', { ...PERSON, name: undefined }, anon),
    post('sign up without password', '/invite/{{link}}/signup', { ...PERSON, password: undefined }, anon),
    post('sign up with a bad email', '/invite/{{link}}/signup', { ...PERSON, email: 'nobody' }, anon),
    post('sign up with a role', '/invite/{{link}}/signup', { ...PERSON, rootRole: 1 }, anon),
    post('sign up without any login', '/invite/{{link}}/signup', { email: '', name: 'x', password: STRONG }, anon),
    post('sign up with a weak password', '/invite/{{long}}/signup', { ...PERSON, username: 'conf-s2', email: 'conf-s2@example.com', password: 'weak' }, anon),
    post('sign up', '/invite/{{link}}/signup', PERSON, anon),
    post('sign up again', '/invite/{{link}}/signup', PERSON, anon),
    post('sign up with a used email', '/invite/{{link}}/signup', { ...PERSON, username: 'conf-s3' }, anon),
    post('sign up with a used name', '/invite/{{link}}/signup', { ...PERSON, email: 'conf-s4@example.com' }, anon),
    post('sign up by email alone', '/invite/{{link}}/signup', { email: 'conf-s5@example.com', name: 'S Five', password: STRONG }, anon),
    post('sign up with a link that has expired', '/invite/{{past}}/signup', { ...PERSON, username: 'conf-s6', email: 'conf-s6@example.com' }, anon),
    post('sign up with an unknown link', '/invite/00000000000000000000000000000000/signup', { ...PERSON, username: 'conf-s7', email: 'conf-s7@example.com' }, anon),
    post('log in after the sign-up', '/auth/simple/login', { username: 'conf-s1', password: STRONG }, { as: 'anon', compare: { ignore: ['*seenAt', '*loginAttempts', '*activeSessions', 'deletedSessions'] } }),
    get('get a link that was used', `${LINKS}/{{second}}`),
    event('event of a user who signed up', 'user-created'),
    event('event of a sign-up', 'public-signup-token-user-added'),

    put('update a link with nothing', `${LINKS}/{{link}}`, {}),
    put('update a link with a bad expiry', `${LINKS}/{{link}}`, { expiresAt: 'later' }),
    put('update a name', `${LINKS}/{{link}}`, { name: 'conf y' }),
    put('update an unknown link', `${LINKS}/00000000000000000000000000000000`, { enabled: false }),
    ...asEach(['anon', 'viewer', 'editor', 'backend'], put('update a link', `${LINKS}/{{link}}`, { enabled: false })),
    put('switch a link off', `${LINKS}/{{link}}`, { enabled: false }),
    event('event of a link that is off', 'public-signup-token-updated'),
    get('validate a link that is off', '/invite/{{link}}/validate', anon),
    post('sign up with a link that is off', '/invite/{{link}}/signup', { ...PERSON, username: 'conf-s8', email: 'conf-s8@example.com' }, anon),
    put('switch a link on', `${LINKS}/{{link}}`, { enabled: true }),
    get('validate a link that is on again', '/invite/{{link}}/validate', anon),
    put('end a link', `${LINKS}/{{link}}`, { expiresAt: days(-1) }),
    get('validate a link that was ended', '/invite/{{link}}/validate', anon),
    put('prolong a link', `${LINKS}/{{link}}`, { expiresAt: days(20), enabled: true }),
    event('event of a link that was prolonged', 'public-signup-token-updated'),
    get('validate a link that was prolonged', '/invite/{{link}}/validate', anon),
    get('list links at the end', LINKS, { compare: { ...OURS.compare, ignore: ['*users'] } }),
];
