//! What backend SDKs read: /api/client/features.
import { asEach, del, get, post, put } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const CLIENT = '/api/client/features';
const only = (prefix) => `${CLIENT}?namePrefix=${prefix}`;
const backend = { as: 'backend' };
const SPEC = { 'unleash-client-spec': '5.2.0' };
const strategies = (flag, env = 'development') => `${FEATURES}/${flag}/environments/${env}/strategies`;

export default [
    post('segment', '/api/admin/segments', { name: 'conf-client-segment', constraints: [{ contextName: 'userId', operator: 'IN', values: ['1'] }] }, { save: { clientSegment: '$.id' } }),
    post('flag a', FEATURES, { name: 'cl.a', description: 'A', impressionData: true }),
    post('flag b', FEATURES, { name: 'cl.b', type: 'experiment' }),
    post('flag c', FEATURES, { name: 'cl.c' }),
    post('tag b', '/api/admin/features/cl.b/tags', { type: 'simple', value: 'conf' }),
    post('strategy of a', strategies('cl.a'), { name: 'flexibleRollout', title: 'T', parameters: { rollout: '100', stickiness: 'default', groupId: 'cl.a' },
        constraints: [{ contextName: 'appName', operator: 'STR_CONTAINS', values: ['x'], caseInsensitive: true }],
        segments: ['{{clientSegment}}'],
        variants: [{ name: 'v', weight: 1000, weightType: 'variable', stickiness: 'default', payload: { type: 'string', value: 'p' } }] }),
    post('second strategy of a', strategies('cl.a'), { name: 'remoteAddress', parameters: { IPs: '10.0.0.1' } }),
    post('disabled strategy of a', strategies('cl.a'), { name: 'default', disabled: true }),
    put('variants of b', `${FEATURES}/cl.b/variants-batch`, { environments: ['development'], variants: [{ name: 'x', weight: 500, weightType: 'variable', stickiness: 'default' }, { name: 'y', weight: 500, weightType: 'variable', stickiness: 'default', overrides: [{ contextName: 'userId', values: ['9'] }] }] }),
    post('c depends on b', `${FEATURES}/cl.c/dependencies`, { feature: 'cl.b', enabled: true, variants: ['x'] }),
    post('switch a on', `${FEATURES}/cl.a/environments/development/on`, undefined),
    post('switch b on', `${FEATURES}/cl.b/environments/development/on`, undefined),
    post('stale c', '/api/admin/projects/default/stale', { features: ['cl.c'], stale: true }),
    get('all', only('cl.'), { ...backend, until: { path: '$.features[name=cl.c].stale', equals: true }, compare: { unordered: ['features', 'segments'] }, save: { etag: 'header.etag' } }),
    get('not modified', only('cl.'), { ...backend, headers: { 'if-none-match': '{{etag}}' } }),
    get('with another etag', only('cl.'), { ...backend, headers: { 'if-none-match': '"other"' }, compare: { body: false } }),
    get('with a weak etag', only('cl.'), { ...backend, headers: { 'if-none-match': 'W/{{etag}}' } }),
    get('with a list of etags', only('cl.'), { ...backend, headers: { 'if-none-match': '"other", {{etag}}' } }),
    get('with the etag of another query', only('cl.a'), { ...backend, headers: { 'if-none-match': '{{etag}}' } }),
    get('any etag', only('cl.'), { ...backend, headers: { 'if-none-match': '*' }, compare: { body: false } }),
    get('for an SDK that knows segments', only('cl.a'), { ...backend, headers: SPEC }),
    get('for an SDK of an old specification', only('cl.a'), { ...backend, headers: { 'unleash-client-spec': '4.1.0' } }),
    get('for an SDK of specification 4.2.0', only('cl.a'), { ...backend, headers: { 'unleash-client-spec': '4.2.0' } }),
    get('for an SDK with a bad specification', only('cl.a'), { ...backend, headers: { 'unleash-client-spec': 'new' } }),
    get('with inlined segments on request', `${only('cl.a')}&inlineSegmentConstraints=true`, { ...backend, headers: SPEC }),
    get('without inlined segments on request', `${only('cl.a')}&inlineSegmentConstraints=false`, backend),
    get('by tag', `${CLIENT}?tag=simple:conf`, backend),
    get('by an unknown tag', `${CLIENT}?tag=simple:nothing`, backend),
    get('by a malformed tag', `${CLIENT}?tag=simple`, backend),
    get('by project', `${only('cl.')}&project=default`, { ...backend, compare: { unordered: ['features', 'segments'] } }),
    get('by an unknown project', `${CLIENT}?project=nowhere`, backend),
    get('by a prefix nothing has', only('zz.'), backend),
    get('by environment in the query', `${only('cl.')}&environment=production`, { ...backend, compare: { unordered: ['features', 'segments'] } }),
    get('with an unknown parameter', `${only('cl.b')}&colour=red`, backend),
    get('in production', only('cl.'), { as: 'backend-production', compare: { unordered: ['features', 'segments'] } }),
    get('with a token of all projects', only('cl.'), { as: 'backend-all', compare: { unordered: ['features', 'segments'] } }),
    get('one', `${CLIENT}/cl.a`, backend),
    get('one with variants', `${CLIENT}/cl.b`, backend),
    get('an unknown one', `${CLIENT}/cl.nothing`, backend),
    ...asEach(['anon', 'badtoken', 'frontend', 'admin', 'editor', 'editor-session'], get('all', CLIENT, { compare: { body: true } })),
    ...asEach(['anon', 'frontend'], get('one', `${CLIENT}/cl.a`)),
    get('with a malformed token', CLIENT, { as: 'anon', headers: { authorization: 'nonsense' } }),
    get('with an empty token', CLIENT, { as: 'anon', headers: { authorization: '' } }),
    post('post instead of get', CLIENT, {}, backend),
    del('archive c', `${FEATURES}/cl.c`),
    del('archive b', `${FEATURES}/cl.b`),
    get('all after archiving', only('cl.'), { ...backend, until: { path: '$.features[name=cl.b]', missing: true }, compare: { unordered: ['features', 'segments'] } }),
    get('an archived one', `${CLIENT}/cl.c`, backend),
];
