//! Odd spellings of shares, numbers, dates and versions, and what strategies lack: what is accepted, kept and delivered.
import { del, get, patch, post, put } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const FLAG = `${FEATURES}/conf.spelling`;
const PLACE = `${FLAG}/environments/development`;
const STRATEGIES = `${PLACE}/strategies`;

const rollout = (value, more) => ({ name: 'flexibleRollout', parameters: { rollout: value, stickiness: 'userId', groupId: 'g', ...more } });
const comparing = (operator, content) => ({ name: 'default', constraints: [{ contextName: 'shoe', operator, ...content }], parameters: {} });
const one = (name, body) => put(name, `${STRATEGIES}/{{spelling}}`, body);
const delivered = (name) => get(`delivered ${name}`, '/api/client/features/conf.spelling', { as: 'backend-all' });
const disabled = (value) => [{ op: 'replace', path: '/disabled', value }];
const state = (name) => get(`state ${name}`, PLACE);

const SHARES = ['99.9', '100.0', ' 50 ', '-0', 33.3333, '1e2', '050', '', 'half', '101'];
const NUMBERS = ['.5', '5.', '+5', ' 5 ', '1e3', '0x10', 'Infinity', '1,5', '-0', '1e999'];
const DATES = ['2024-01-01T00:00:00.123456Z', '2024-01-01', '2024-01-01 10:00:00', '2024-01-01T10:00', '2024-01-01t00:00:00z', ' 2024-01-01T00:00:00Z ', '2024-W01'];
const VERSIONS = ['1.2.3', 'v1.2.3', ' 1.2.3 ', '1.2', '=1.2.3', '1.2.3+b', '99999999999999999999.0.0', '9007199254740993.0.0', '01.2.3', '1.2.3-01'];

export default [
    post('flag', FEATURES, { name: 'conf.spelling' }),

    post('strategy', STRATEGIES, { name: 'default' }, { save: { spelling: '$.id' } }),
    post('on', `${PLACE}/on`),
    ...SHARES.map((value) => one(`share ${JSON.stringify(value)}`, rollout(value))),
    one('without parameters', { name: 'flexibleRollout', parameters: {} }),
    one('with empty parameters', rollout('100', { stickiness: '', groupId: '' })),
    one('addresses missing', { name: 'remoteAddress', parameters: {} }),
    one('no addresses', { name: 'remoteAddress', parameters: { IPs: 'xx' } }),
    ...NUMBERS.map((value) => one(`number ${JSON.stringify(value)}`, comparing('NUM_GT', { value }))),
    ...DATES.map((value) => one(`date ${JSON.stringify(value)}`, comparing('DATE_AFTER', { value }))),
    ...VERSIONS.map((value) => one(`version ${JSON.stringify(value)}`, comparing('SEMVER_EQ', { value }))),
    ...['IN', 'NOT_IN', 'STR_CONTAINS', 'STR_STARTS_WITH', 'STR_ENDS_WITH'].flatMap((operator) => [
        one(`${operator} of nothing`, comparing(operator, { values: [] })),
        one(`${operator} without values`, comparing(operator, {})),
        one(`${operator} of an empty value`, comparing(operator, { values: [''] })),
        post(`segment ${operator} of nothing`, '/api/admin/segments', { name: `conf-${operator}`, constraints: [{ contextName: 'shoe', operator, values: [] }] }),
        post(`validate ${operator} of nothing`, '/api/admin/constraints/validate', { contextName: 'shoe', operator, values: [] }),
    ]),
    one('a number among values', comparing('NUM_GT', { values: ['5'] })),
    one('REGEX', comparing('REGEX', { value: '^a' })),
    one('a broken REGEX', comparing('REGEX', { value: '(' })),
    one('IN_CIDR', comparing('IN_CIDR', { values: ['10.0.0.0/8'] })),
    post('a field with legal values', '/api/admin/context', { name: 'conf.legal', legalValues: [{ value: 'red' }] }),
    one('a legal value', { name: 'default', parameters: {}, constraints: [{ contextName: 'conf.legal', operator: 'IN', values: ['red'] }] }),
    one('a value that is not legal', { name: 'default', constraints: [{ contextName: 'conf.legal', operator: 'IN', values: ['blue'] }] }),
    one('a plain share', rollout('99')),
    delivered('plain share'),
    one('a plain number', comparing('NUM_GT', { value: '18.5' })),
    delivered('plain number'),
    one('a plain date', comparing('DATE_AFTER', { value: '2024-01-01T00:00:00.000Z' })),
    delivered('plain date'),
    state('before'),
    patch('disable', `${STRATEGIES}/{{spelling}}`, disabled(true)),
    state('disabled'),
    post('on again', `${PLACE}/on`),
    state('on again'),
    post('off', `${PLACE}/off`),
    post('on with the disabled ones', `${PLACE}/on?shouldActivateDisabledStrategies=true`),
    one('disabled by a PUT', { name: 'default', disabled: true, parameters: {} }),
    state('with one disabled'),
    get('events', '/api/admin/search/events?feature=IS:conf.spelling&type=IS:feature-environment-disabled'),
    del('archive', FLAG),
    post('the name of an archived one', FEATURES, { name: 'conf.spelling' }),
    get('an archived one', FLAG),
    post('validate the name of an archived one', '/api/admin/features/validate', { name: 'conf.spelling' }),
    post('another flag', FEATURES, { name: 'conf.spelling.2' }),
    post('clone to the name of an archived one', `${FEATURES}/conf.spelling.2/clone`, { name: 'conf.spelling' }),
    post('an old client', '/api/client/register', { appName: 'conf-old', strategies: ['default'], started: 5, interval: '15000' }, { as: 'backend-all' }),
    ...[null, '1', 1.5, true].map((yes) =>
        post(`counts of ${JSON.stringify(yes)}`, '/api/client/metrics', { appName: 'conf-old', bucket: { start: '2024-01-01T00:00:00Z', stop: '2024-01-01T00:00:00Z', toggles: { a: { yes, no: 0, variants: null } } } }, { as: 'backend-all' })),
];
