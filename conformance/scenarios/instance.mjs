//! Health, configuration of the UI, unknown paths and methods, bodies that are too big.
import { asEach, get, post } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';

export default [
    get('health', '/health', { as: 'anon' }),
    get('ready', '/ready', { as: 'anon' }),
    get('health with a token', '/health', { as: 'backend' }),
    get('ui-config', '/api/admin/ui-config', { compare: { ignore: ['flags*', 'version*', 'versionInfo*', 'slogan', 'links*', 'name', 'unleashUrl', 'unleashContext*'] } }),
    get('ui-config as a user', '/api/admin/ui-config', { as: 'viewer-session', compare: { ignore: ['flags*', 'version*', 'versionInfo*', 'slogan', 'links*', 'name', 'unleashUrl', 'unleashContext*'] } }),
    ...asEach(['anon', 'viewer', 'backend', 'frontend'], get('ui-config', '/api/admin/ui-config', { compare: { ignore: ['flags*', 'version*', 'versionInfo*', 'slogan', 'links*', 'name', 'unleashUrl', 'unleashContext*'] } })),
    get('prometheus', '/internal-backstage/prometheus', { as: 'anon', compare: { body: false } }),
    get('an unknown path', '/api/nothing'),
    get('an unknown admin path', '/api/admin/nothing'),
    get('an unknown admin path as anon', '/api/admin/nothing', { as: 'anon' }),
    get('an unknown client path', '/api/client/nothing', { as: 'backend' }),
    { name: 'a method no path has', as: 'admin', method: 'DELETE', path: '/api/admin/projects' },
    { name: 'a method no path has as anon', as: 'anon', method: 'DELETE', path: '/api/admin/projects' },
    { name: 'head', as: 'admin', method: 'HEAD', path: '/api/admin/feature-types' },
    { name: 'options on the admin API', as: 'anon', method: 'OPTIONS', path: '/api/admin/projects', headers: { origin: 'https://app.example.com', 'access-control-request-method': 'GET' } },
    get('a trailing slash', '/api/admin/projects/', { compare: { body: false } }),
    get('a bad percent sign', '/api/admin/projects/%E0%A4%A/overview'),
    get('a null byte', `${FEATURES}/a%00b`),
    get('an encoded slash', `${FEATURES}/a%2Fb`),
    get('with Bearer', '/api/admin/feature-types', { as: 'anon', headers: { authorization: 'Bearer {{adminToken}}' }, compare: { body: false } }),
    get('with bearer in small letters', '/api/admin/feature-types', { as: 'anon', headers: { authorization: 'bearer {{adminToken}}' }, compare: { body: false } }),
    get('with Basic', '/api/admin/feature-types', { as: 'anon', headers: { authorization: 'Basic YTpi' } }),
    get('with a token and a session', '/api/admin/feature-types', { as: 'viewer-session', headers: { authorization: '{{adminToken}}' }, compare: { body: false } }),
    get('with a bad session', '/api/admin/feature-types', { as: 'anon', headers: { cookie: 'unleash-session=s%3Anonsense' } }),
    post('a body of 2 MB', FEATURES, undefined, { raw: JSON.stringify({ name: 'big', description: 'x'.repeat(2_000_000) }), headers: { 'content-type': 'application/json' } }),
    post('a body of 2 MB as anon', FEATURES, undefined, { as: 'anon', raw: JSON.stringify({ name: 'big', description: 'x'.repeat(2_000_000) }), headers: { 'content-type': 'application/json' } }),
    post('a deeply nested body', FEATURES, undefined, { raw: `{"name":${'['.repeat(5000)}${']'.repeat(5000)}}`, headers: { 'content-type': 'application/json' } }),
    post('invalid UTF-8', FEATURES, undefined, { raw: Buffer.concat([Buffer.from('{"name":"conf.'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), headers: { 'content-type': 'application/json' } }),
    post('a string as body', FEATURES, undefined, { raw: '"conf.string"', headers: { 'content-type': 'application/json' } }),
    post('content type with charset', '/api/admin/features/validate', undefined, { raw: '{"name":"conf.charset"}', headers: { 'content-type': 'application/json; charset=utf-8' } }),
    post('content type merge-patch', '/api/admin/features/validate', undefined, { raw: '{"name":"conf.charset"}', headers: { 'content-type': 'application/merge-patch+json' } }),
    post('an empty body with a content type', '/api/admin/features/validate', undefined, { raw: '', headers: { 'content-type': 'application/json' } }),
];
