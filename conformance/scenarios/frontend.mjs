//! What browsers ask and send: /api/frontend.
import { asEach, get, post, put } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const FRONTEND = '/api/frontend';
const strategies = (flag) => `${FEATURES}/${flag}/environments/development/strategies`;
const frontend = { as: 'frontend', compare: { unordered: ['toggles'], only: { toggles: 'fe.' } } };
const APP = { appName: 'conf-web', instanceId: 'w-1', sdkVersion: 'unleash-client-js:3.0.0', started: '2026-01-01T00:00:00.000Z', interval: 10000, strategies: [] };
const BUCKET = { start: '2026-01-01T00:00:00.000Z', stop: new Date().toISOString(), toggles: { 'fe.on': { yes: 3, no: 2, variants: {} } } };

const flag = (name, ...bodies) => [
    post(`flag ${name}`, FEATURES, { name }),
    ...bodies.map((body, i) => post(`strategy ${i} of ${name}`, strategies(name), body)),
    post(`switch ${name} on`, `${FEATURES}/${name}/environments/development/on`, undefined),
];
const constrained = (contextName, operator, more) => ({ name: 'default', constraints: [{ contextName, operator, ...more }] });
const variant = (name, weight, more) => ({ name, weight, weightType: 'variable', stickiness: 'default', ...more });

export default [
    ...flag('fe.on', { name: 'default' }),
    ...flag('fe.rollout', { name: 'flexibleRollout', parameters: { rollout: '50', stickiness: 'userId', groupId: 'fe.rollout' } }),
    ...flag('fe.none', { name: 'flexibleRollout', parameters: { rollout: '0', stickiness: 'default', groupId: 'x' } }),
    ...flag('fe.host', { name: 'applicationHostname', parameters: { hostNames: 'no-such-host' } }),
    ...flag('fe.ip', { name: 'remoteAddress', parameters: { IPs: '10.0.0.0/8,127.0.0.1' } }),
    ...flag('fe.in', constrained('userId', 'IN', { values: ['anna'] })),
    ...flag('fe.property', constrained('plan', 'STR_STARTS_WITH', { values: ['GO'], caseInsensitive: true })),
    ...flag('fe.num', constrained('age', 'NUM_GTE', { value: '18' })),
    ...flag('fe.semver', constrained('version', 'SEMVER_GT', { value: '1.2.3' })),
    ...flag('fe.date', constrained('currentTime', 'DATE_AFTER', { value: '2020-01-01T00:00:00.000Z' })),
    ...flag('fe.inverted', constrained('appName', 'IN', { values: ['conf-web'], inverted: true })),
    ...flag('fe.variant', { name: 'flexibleRollout', parameters: { rollout: '100', stickiness: 'userId', groupId: 'fe.variant' },
        variants: [variant('red', 500, { stickiness: 'userId', payload: { type: 'string', value: 'r' } }), variant('blue', 500, { stickiness: 'userId' })] }),
    ...flag('fe.legacy', { name: 'default' }),
    put('variants of fe.legacy', `${FEATURES}/fe.legacy/variants-batch`, { environments: ['development'], variants: [variant('one', 1000, { payload: { type: 'number', value: '1' } })] }),
    post('flag fe.parentoff', FEATURES, { name: 'fe.parentoff' }),
    ...flag('fe.childofoff', { name: 'default' }),
    post('fe.childofoff depends on fe.parentoff being off', `${FEATURES}/fe.childofoff/dependencies`, { feature: 'fe.parentoff', enabled: false }),
    ...flag('fe.child', { name: 'default' }),
    post('fe.child depends on fe.in', `${FEATURES}/fe.child/dependencies`, { feature: 'fe.in' }),
    post('flag fe.impression', FEATURES, { name: 'fe.impression', impressionData: true }),
    post('switch fe.impression on', `${FEATURES}/fe.impression/environments/development/on`, undefined),
    post('flag fe.off', FEATURES, { name: 'fe.off' }),
    post('flag fe.zlast', FEATURES, { name: 'fe.zlast' }),
    post('strategy of fe.zlast', strategies('fe.zlast'), { name: 'default' }),
    post('switch fe.zlast on', `${FEATURES}/fe.zlast/environments/development/on`, undefined),
    get('without context', `${FRONTEND}?appName=conf-web`, { ...frontend, until: { path: '$.toggles[name=fe.zlast]' } }),
    get('as anna', `${FRONTEND}?appName=conf-web&userId=anna`, frontend),
    get('as berta', `${FRONTEND}?appName=conf-web&userId=berta`, frontend),
    get('as carla', `${FRONTEND}?appName=conf-web&userId=carla`, frontend),
    get('with properties', `${FRONTEND}?appName=other&properties[plan]=gold&properties[age]=18&properties[version]=1.3.0`, frontend),
    get('with flat properties', `${FRONTEND}?appName=other&plan=gold&age=17&version=1.2.3`, frontend),
    get('with an address', `${FRONTEND}?remoteAddress=10.1.2.3`, frontend),
    get('with a time', `${FRONTEND}?currentTime=2019-01-01T00:00:00.000Z`, frontend),
    get('with an environment', `${FRONTEND}?environment=production`, frontend),
    post('post as anna', FRONTEND, { context: { appName: 'conf-web', userId: 'anna', properties: { plan: 'gold', age: '20' } } }, frontend),
    post('post with numbers in properties', FRONTEND, { context: { userId: 'anna', properties: { age: 20 } } }, frontend),
    post('post without context', FRONTEND, {}, frontend),
    post('post with a number as user', FRONTEND, { context: { userId: 7 } }, frontend),
    post('post with an unknown field', FRONTEND, { context: {}, toggles: ['fe.on'] }, frontend),
    post('post a list', FRONTEND, [], frontend),
    post('post malformed JSON', FRONTEND, undefined, { ...frontend, raw: '{' }),
    ...asEach(['anon', 'badtoken', 'backend', 'admin', 'editor'], get('ask', FRONTEND)),
    ...asEach(['anon', 'backend'], post('ask by post', FRONTEND, { context: {} })),
    { name: 'preflight', as: 'anon', method: 'OPTIONS', path: FRONTEND, headers: { origin: 'https://app.example.com', 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' } },
    get('from another origin', `${FRONTEND}?userId=anna`, { ...frontend, headers: { origin: 'https://app.example.com' } }),
    post('metrics', `${FRONTEND}/client/metrics`, { appName: 'conf-web', instanceId: 'w-1', bucket: BUCKET }, frontend),
    post('metrics without bucket', `${FRONTEND}/client/metrics`, { appName: 'conf-web' }, frontend),
    post('metrics without app', `${FRONTEND}/client/metrics`, { bucket: BUCKET }, frontend),
    post('metrics with wrong types', `${FRONTEND}/client/metrics`, { appName: 7, bucket: BUCKET }, frontend),
    ...asEach(['anon', 'backend'], post('metrics', `${FRONTEND}/client/metrics`, { appName: 'conf-web', bucket: BUCKET })),
    post('register', `${FRONTEND}/client/register`, APP, frontend),
    post('register without name', `${FRONTEND}/client/register`, { ...APP, appName: undefined }, frontend),
    ...asEach(['anon', 'backend'], post('register', `${FRONTEND}/client/register`, APP)),
    get('client features', `${FRONTEND}/client/features`, frontend),
    get('health', `${FRONTEND}/health`, frontend),
    get('prometheus', `${FRONTEND}/internal-backstage/prometheus`, frontend),
];
