//! Not a scenario: makes the users and tokens the scenarios act as (names in `lib/play.mjs`).
import { days, get, post } from '../lib/steps.mjs';

const PASSWORD = 'Conformance-2026!';

const user = (name, rootRole) => [
    post(`create ${name}`, '/api/admin/user-admin', {
        username: `conf-${name}`, name: `Conf ${name}`, email: `conf-${name}@example.com`,
        password: PASSWORD, rootRole, sendEmail: false,
    }, { save: { [`${name}Id`]: '$.id' } }),
    post(`log ${name} in`, '/auth/simple/login', { username: `conf-${name}`, password: PASSWORD },
        { as: 'anon', save: { [`${name}Cookie`]: 'cookie' } }),
    post(`token for ${name}`, '/api/admin/user/tokens', { description: `conf-${name}`, expiresAt: days(30) },
        { as: `${name}-session`, save: { [`${name}Pat`]: '$.secret' } }),
];

const token = (save, type, environment, project) =>
    post(`token ${save}`, '/api/admin/api-tokens', { type, environment, projects: [project], tokenName: save }, { save: { [save]: '$.secret' } });

export default [
    get('ready', '/ready', { until: { path: 'status', equals: 200 } }),
    post('log admin in', '/auth/simple/login', { username: 'admin', password: '{{adminPassword}}' },
        { as: 'anon', save: { adminCookie: 'cookie' } }),
    post('token for admin', '/api/admin/user/tokens', { description: 'conf-admin', expiresAt: days(30) },
        { as: 'admin-session', save: { adminUserPat: '$.secret' } }),
    ...user('editor', 2),
    ...user('viewer', 3),
    token('backendToken', 'backend', 'development', 'default'),
    token('backendAllToken', 'backend', 'development', '*'),
    token('backendProductionToken', 'backend', 'production', 'default'),
    token('frontendToken', 'frontend', 'development', 'default'),
];
