//! Who there is, what users may do, and those who have done nothing for long.
import { asEach, del, get, post } from '../lib/steps.mjs';

const ADMIN = '/api/admin/user-admin';
const NEW = (name, rootRole) => ({ username: `conf-a-${name}`, name: `A ${name}`, email: `conf-a-${name}@example.com`, rootRole, sendEmail: false });
const VARYING = ['*seenAt', '*loginAttempts', '*imageUrl', '*activeSessions', '*description', '*displayName'];
const permissions = (name, query, more) => get(name, `${ADMIN}/{{one}}/permissions${query}`,
    { compare: { ignore: VARYING, unordered: ['overview.root', 'overview.project', 'overview.environment'], ...more } });

export default [
    get('inactive users', `${ADMIN}/inactive`),
    ...asEach(['anon', 'badtoken', 'viewer', 'editor', 'backend'], get('inactive users', `${ADMIN}/inactive`)),
    post('a viewer', ADMIN, NEW('one', 3), { save: { one: '$.id' } }),
    post('an editor', ADMIN, NEW('two', 2), { save: { two: '$.id' } }),
    post('another one', ADMIN, NEW('three', 3), { save: { three: '$.id' } }),
    post('an administrator', ADMIN, NEW('four', 1), { save: { four: '$.id' } }),

    get('everybody', `${ADMIN}/access`, { compare: { unordered: ['users'], only: { users: 'conf-a-' } } }),
    ...asEach(['editor', 'viewer'], get('everybody', `${ADMIN}/access`, { compare: { unordered: ['users'], only: { users: 'conf-a-' } } })),
    ...asEach(['anon', 'badtoken', 'backend'], get('everybody', `${ADMIN}/access`)),

    permissions('permissions of a viewer', ''),
    permissions('permissions of a viewer in a project', '?project=default'),
    permissions('permissions of a viewer in an environment', '?project=default&environment=development'),
    permissions('permissions of a viewer in an environment of no project', '?environment=development'),
    permissions('permissions of a viewer in an unknown project', '?project=conf-nowhere&environment=nowhere'),
    get('permissions of an editor', `${ADMIN}/{{two}}/permissions`, { compare: { ignore: VARYING, unordered: ['overview.root', 'overview.project'] } }),
    get('permissions of an administrator', `${ADMIN}/{{four}}/permissions?project=default&environment=development`,
        { compare: { ignore: VARYING, unordered: ['overview.root', 'overview.project', 'overview.environment'] } }),
    get('permissions of an unknown user', `${ADMIN}/99999/permissions`),
    get('permissions of a word', `${ADMIN}/one/permissions`),
    ...asEach(['anon', 'viewer', 'editor', 'backend'], get('permissions of a viewer', `${ADMIN}/{{one}}/permissions`)),

    post('delete inactive users without ids', `${ADMIN}/inactive/delete`, {}),
    post('delete inactive users by words', `${ADMIN}/inactive/delete`, { ids: ['one'] }),
    post('delete inactive users by null', `${ADMIN}/inactive/delete`, { ids: null }),
    post('delete inactive users by a negative number', `${ADMIN}/inactive/delete`, { ids: [-1] }),
    post('delete no inactive users', `${ADMIN}/inactive/delete`, { ids: [] }),
    post('delete an unknown inactive user', `${ADMIN}/inactive/delete`, { ids: [99999] }),
    ...asEach(['anon', 'viewer', 'editor', 'backend'], post('delete inactive users', `${ADMIN}/inactive/delete`, { ids: [] })),
    post('delete inactive users', `${ADMIN}/inactive/delete`, { ids: ['{{one}}', '{{two}}'] }),
    get('a user who was deleted', `${ADMIN}/{{one}}`),
    get('another user who was deleted', `${ADMIN}/{{two}}`),
    get('a user who was not deleted', `${ADMIN}/{{three}}`, { compare: { ignore: VARYING } }),
    get('event of a deleted inactive user', '/api/admin/search/events?type=IS:user-deleted&limit=2', { compare: { ignore: ['total'] } }),
    get('everybody afterwards', `${ADMIN}/access`, { compare: { unordered: ['users'], only: { users: 'conf-a-' } } }),

    del('delete users of an identity provider', `${ADMIN}/scim-users`),
    ...asEach(['anon', 'viewer', 'editor', 'backend'], del('delete users of an identity provider', `${ADMIN}/scim-users`)),
    get('a user who is of no identity provider', `${ADMIN}/{{three}}`, { compare: { ignore: VARYING } }),
];
