//! Maintenance mode, origins of browsers, what is reported to the makers, the old lists of events, other names of the
//! frontend API.
import { asEach, get, post } from '../lib/steps.mjs';

const ROLES = ['admin-user', 'editor', 'viewer', 'anon'];
const MAINTENANCE = '/api/admin/maintenance';
const CORS = '/api/admin/ui-config/cors';
const origins = (...frontendApiOrigins) => ({ frontendApiOrigins });

export default [
    ...asEach(['admin', ...ROLES], get('maintenance', MAINTENANCE)),
    ...asEach(['editor', 'viewer', 'anon'], post('switch maintenance', MAINTENANCE, { enabled: true })),
    post('switch without a word', MAINTENANCE, {}),
    post('switch with a text', MAINTENANCE, { enabled: 'x' }),
    post('switch on', MAINTENANCE, { enabled: true }),
    get('maintenance on', MAINTENANCE),
    post('create a flag', '/api/admin/projects/default/features', { name: 'conf.maintenance' }),
    post('create a segment', '/api/admin/segments', { name: 'conf-maintenance', constraints: [] }),
    get('read a project', '/api/admin/projects/default/features/conf.maintenance'),
    get('poll', '/api/client/features?namePrefix=conf.maintenance', { as: 'backend-all' }),
    post('log in', '/auth/simple/login', { username: 'admin', password: 'wrong' }, { as: 'anon' }),
    post('switch off', MAINTENANCE, { enabled: false }),
    get('maintenance off', MAINTENANCE),
    get('events of settings', '/api/admin/search/events?type=IS:setting-updated&limit=1'),
    post('set an origin', CORS, origins('https://a.example')),
    post('set two', CORS, origins('https://a.example', 'http://b.example:8080')),
    post('set none', CORS, origins()),
    post('set a word', CORS, origins('nope')),
    post('set a number', CORS, { frontendApiOrigins: [5] }),
    post('set a path', CORS, origins('https://a.example/path')),
    post('set a star in a host', CORS, origins('https://*.example')),
    post('set nothing', CORS, {}),
    ...asEach(['editor', 'viewer', 'anon'], post('set', CORS, origins('*'))),
    post('set all', CORS, origins('*')),
    get('event of origins', '/api/admin/search/events?type=IS:setting-updated&limit=1'),
    ...asEach(['admin', ...ROLES], get('telemetry', '/api/admin/telemetry/settings')),
    post('a flag', '/api/admin/projects/default/features', { name: 'conf.events' }),
    get('events of a flag', '/api/admin/events/conf.events'),
    get('events of an unknown flag', '/api/admin/events/conf.nothing'),
    get('events of a project', '/api/admin/events?project=conf-no-such-project'),
    ...asEach(['editor', 'viewer', 'anon'], get('events', '/api/admin/events')),
    ...asEach(['editor', 'viewer', 'anon'], get('events of a flag', '/api/admin/events/conf.events')),
    ...['client/features', 'health', 'internal-backstage/prometheus'].flatMap((path) =>
        asEach(['frontend', 'backend', 'anon'], get(`frontend ${path}`, `/api/frontend/${path}`))),
    post('tokens without a signature', '/edge/issue-token', { tokens: [{ environment: 'development', projects: ['*'] }] }, { as: 'anon' }),
    post('tokens for nothing', '/edge/issue-token', {}, { as: 'anon' }),
];
