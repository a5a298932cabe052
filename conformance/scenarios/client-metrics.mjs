//! What backend SDKs send: registration and metrics, and what the admin API shows of them.
import { asEach, get, post } from '../lib/steps.mjs';

const REGISTER = '/api/client/register';
const METRICS = '/api/client/metrics';
const BULK = '/api/client/metrics/bulk';
const APP = { appName: 'conf-app', instanceId: 'i-1', sdkVersion: 'unleash-client-node:6.0.0', strategies: ['default'], started: '2026-01-01T00:00:00.000Z', interval: 10000 };
const hour = () => new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000).toISOString();
const now = () => new Date().toISOString();
const BUCKET = { start: hour, stop: now, toggles: { 'conf.metric': { yes: 3, no: 2, variants: { a: 2, b: 1 } } } };
const backend = { as: 'backend' };
const FEATURE = '/api/admin/client-metrics/features';

export default [
    post('flag', '/api/admin/projects/default/features', { name: 'conf.metric' }, { hourLeftMs: 30_000 }),
    post('register', REGISTER, APP, backend),
    post('register with numbers as time', REGISTER, { ...APP, started: 1700000000000 }, backend),
    post('register with an unknown field', REGISTER, { ...APP, colour: 'red' }, backend),
    post('register without name', REGISTER, { ...APP, appName: undefined }, backend),
    post('register without strategies', REGISTER, { ...APP, strategies: undefined }, backend),
    post('register with wrong types', REGISTER, { ...APP, interval: 'often', strategies: 'all' }, backend),
    post('register with malformed JSON', REGISTER, undefined, { ...backend, raw: '{' }),
    post('register with text/plain', REGISTER, undefined, { ...backend, raw: JSON.stringify(APP), headers: { 'content-type': 'text/plain' } }),
    ...asEach(['anon', 'badtoken', 'frontend', 'admin'], post('register', REGISTER, APP)),
    post('metrics', METRICS, { appName: 'conf-app', instanceId: 'i-1', bucket: BUCKET }, backend),
    post('metrics with an environment', METRICS, { appName: 'conf-app', instanceId: 'i-1', environment: 'production', bucket: BUCKET }, backend),
    post('metrics of an unknown flag', METRICS, { appName: 'conf-app', instanceId: 'i-1', bucket: { ...BUCKET, toggles: { 'conf.unknown': { yes: 1, no: 0 } } } }, backend),
    post('metrics without toggles', METRICS, { appName: 'conf-app', instanceId: 'i-1', bucket: { ...BUCKET, toggles: {} } }, backend),
    post('metrics with an unknown field', METRICS, { appName: 'conf-app', instanceId: 'i-1', bucket: { ...BUCKET, toggles: {} }, colour: 'red' }, backend),
    post('metrics without bucket', METRICS, { appName: 'conf-app', instanceId: 'i-1' }, backend),
    post('metrics without app', METRICS, { bucket: BUCKET }, backend),
    post('metrics with words as counts', METRICS, { appName: 'conf-app', bucket: { ...BUCKET, toggles: { 'conf.metric': { yes: 'x', no: 'y' } } } }, backend),
    post('metrics with a negative count', METRICS, { appName: 'conf-app', bucket: { ...BUCKET, toggles: { 'conf.metric': { yes: -1, no: 0 } } } }, backend),
    post('metrics with a bad flag name', METRICS, { appName: 'conf-app', bucket: { ...BUCKET, toggles: { 'a flag': { yes: 1, no: 0 } } } }, backend),
    post('metrics with malformed JSON', METRICS, undefined, { ...backend, raw: '{' }),
    ...asEach(['anon', 'badtoken', 'frontend', 'admin'], post('metrics', METRICS, { appName: 'conf-app', bucket: BUCKET })),
    post('bulk', BULK, { applications: [{ appName: 'conf-bulk', instanceId: 'b-1', environment: 'development', sdkType: 'backend', started: now, interval: 10, strategies: ['default'], sdkVersion: 'unleash-client-go:4' }],
        metrics: [{ featureName: 'conf.metric', appName: 'conf-bulk', environment: 'development', timestamp: hour, yes: 5, no: 1, variants: { a: 5 } }] }, backend),
    post('bulk with the least an application needs', BULK, { applications: [{ appName: 'conf-least', instanceId: 'b-1', environment: 'development' }], metrics: [] }, backend),
    post('bulk of nothing', BULK, { applications: [], metrics: [] }, backend),
    post('bulk without metrics', BULK, { applications: [] }, backend),
    post('bulk with wrong types', BULK, { applications: {}, metrics: 'none' }, backend),
    post('bulk with a metric without flag', BULK, { applications: [], metrics: [{ appName: 'x' }] }, backend),
    ...asEach(['anon', 'frontend'], post('bulk', BULK, { applications: [], metrics: [] })),
    get('usage', `${FEATURE}/conf.metric`, { until: { path: '$.lastHourUsage[0].yes', atLeast: 11 }, compare: { unordered: ['lastHourUsage', 'seenApplications', 'totalUsage'] } }),
    get('raw metrics', `${FEATURE}/conf.metric/raw`, { until: { path: '$.data', atLeast: 2 }, compare: { unordered: ['data'] } }),
    get('raw metrics of the last hours', `${FEATURE}/conf.metric/raw?hoursBack=2`, { compare: { unordered: ['data'] } }),
    get('raw metrics of a word of hours', `${FEATURE}/conf.metric/raw?hoursBack=many`, { compare: { body: false } }),
    get('usage of an unknown flag', `${FEATURE}/conf.nothing`),
    get('raw metrics of an unknown flag', `${FEATURE}/conf.nothing/raw`),
    ...asEach(['anon', 'viewer', 'backend'], get('usage', `${FEATURE}/conf.metric`, { compare: { body: false } })),
];
