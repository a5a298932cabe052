//! Requests the reference takes, or fails on with a 500, and which leave something behind: kept apart from all others.
import { days, del, get, post, put, patch } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const TOKENS = '/api/admin/projects/default/api-tokens';
const ALL_TOKENS = '/api/admin/api-tokens';
const TOKEN = { type: 'backend', tokenName: 'strict', environment: 'development' };
const STRATEGIES = `${FEATURES}/strict.flag/environments/development/strategies`;
const VARIANTS = `${FEATURES}/strict.flag/environments/development/variants`;
const variant = (name, weight, more) => ({ name, weight, weightType: 'variable', stickiness: 'default', ...more });
const ROLLOUT = { rollout: '50', stickiness: 'userId', groupId: 'g' };

export default [
    post('flag', FEATURES, { name: 'strict.flag', type: 'experiment', impressionData: true }),
    post('other flag', FEATURES, { name: 'strict.other' }),
    post('parent flag', FEATURES, { name: 'strict.parent' }),
    // The reference turns a number into a string where a string is wanted.
    post('flag with a number as name', FEATURES, { name: 7 }),
    put('flag with a number as description', `${FEATURES}/strict.flag`, { description: 7, type: 'experiment', impressionData: true }),
    post('segment with a number as name', '/api/admin/segments', { name: 7, constraints: [] }),
    post('token with a number as name', ALL_TOKENS, { ...TOKEN, tokenName: 7 }),
    post('constraint with a number as value', '/api/admin/constraints/validate', { contextName: 'age', operator: 'NUM_EQ', value: 5 }),
    post('strategy with a number as parameter', STRATEGIES, { name: 'flexibleRollout', parameters: { ...ROLLOUT, rollout: 50 } }),
    post('log-in with numbers', '/auth/simple/login', { username: 1, password: 2 }, { as: 'anon' }),
    post('edge validation of numbers', '/edge/validate', { tokens: [1] }, { as: 'anon' }),
    // What is left out of a PUT.
    put('update a flag with only a description', `${FEATURES}/strict.other`, { description: 'Three' }),
    put('update a flag and leave out type and impression data', `${FEATURES}/strict.flag`, { description: 'Three' }),
    post('context field', '/api/admin/context', { name: 'strictField', description: 'One', stickiness: true, sortOrder: 5, legalValues: [{ value: 'a' }] }),
    put('update a context field with only a description', '/api/admin/context/strictField', { description: 'Two' }),
    get('context field after it', '/api/admin/context/strictField'),
    post('strategy', STRATEGIES, { name: 'flexibleRollout', title: 'T', parameters: ROLLOUT }, { save: { strict: '$.id' } }),
    put('update a strategy with only a rollout', `${STRATEGIES}/{{strict}}`, { parameters: { rollout: '34' } }),
    // Tokens.
    post('token that has expired', ALL_TOKENS, { ...TOKEN, expiresAt: days(-1) }),
    post('token of a project that has expired', TOKENS, { ...TOKEN, expiresAt: days(-1) }),
    post('token for an unknown project in the old field', ALL_TOKENS, { ...TOKEN, project: 'nowhere' }),
    post('token for a project in the old field', ALL_TOKENS, { ...TOKEN, project: 'default' }),
    post('token with environment default', ALL_TOKENS, { ...TOKEN, environment: 'default' }),
    post('token to be updated', ALL_TOKENS, { ...TOKEN, tokenName: 'strict-update' }, { save: { strictSecret: '$.secret' } }),
    put('update a token to a date in the past', `${ALL_TOKENS}/{{strictSecret|path}}`, { expiresAt: days(-2) }),
    put('update an unknown token', `${ALL_TOKENS}/default:development.unknown`, { expiresAt: days(20) }),
    post('switch production off', '/api/admin/environments/production/off', undefined),
    post('token for a switched off environment', TOKENS, { ...TOKEN, environment: 'production' }),
    post('switch production on', '/api/admin/environments/production/on', undefined),
    // Things that are not there, or not so.
    post('flag with a tag that does not exist', FEATURES, { name: 'strict.tagged', tags: [{ type: 'simple', value: 'blue' }] }),
    post('strategy of an old kind', STRATEGIES, { name: 'userWithId', parameters: { userIds: 'a,b' } }),
    post('payload that is no number', STRATEGIES, { name: 'flexibleRollout', parameters: ROLLOUT, variants: [variant('a', 1000, { payload: { type: 'number', value: 'x' } })] }),
    put('update a strategy through a wrong environment', `${FEATURES}/strict.flag/environments/production/strategies/{{strict}}`, { parameters: ROLLOUT }),
    del('delete a strategy through a wrong environment', `${FEATURES}/strict.flag/environments/production/strategies/{{strict}}`),
    post('default strategy of another kind', '/api/admin/projects/default/environments/production/default-strategy', { name: 'remoteAddress', parameters: { IPs: '' } }),
    post('default strategy back', '/api/admin/projects/default/environments/production/default-strategy', { name: 'flexibleRollout', parameters: { rollout: '100', stickiness: 'default', groupId: 'g' } }),
    post('depend on a variant that is not there', `${FEATURES}/strict.flag/dependencies`, { feature: 'strict.parent', variants: ['x'] }),
    put('variants of an environment', VARIANTS, [variant('a', 0), variant('b', 0)]),
    put('variants of an environment with one name', VARIANTS, [variant('a', 0), variant('a', 0)]),
    put('variants of an environment with too much weight', VARIANTS, [variant('a', 900, { weightType: 'fix' }), variant('b', 900, { weightType: 'fix' })]),
    patch('patch variants of an environment', VARIANTS, [{ op: 'add', path: '/0', value: variant('d', 0) }]),
    post('segment with a blank name', '/api/admin/segments', { name: '  ', constraints: [] }),
    post('user with a weak password', '/api/admin/user-admin', { username: 'strict-u', email: 'strict-u@example.com', password: 'weak', rootRole: 3, sendEmail: false },
        { compare: { ignore: ['*imageUrl', 'inviteLink'] } }),
    post('revive a flag that is not archived', '/api/admin/archive/revive/strict.other', undefined),
    del('delete a flag that is not archived', '/api/admin/archive/strict.other'),
    get('which is still there', `${FEATURES}/strict.other`, { compare: { body: false } }),
    del('archive', `${FEATURES}/strict.other`),
    del('archive again', `${FEATURES}/strict.other`),
    put('update an archived flag', `${FEATURES}/strict.other`, { description: 'x', type: 'release' }),
    post('switch an archived flag on', `${FEATURES}/strict.other/environments/development/on`, undefined),
];
