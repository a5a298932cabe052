//! Variants of a flag in an environment.
import { LATER, get, patch, post, put } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const FLAG = `${FEATURES}/conf.variants`;
const VARIANTS = `${FLAG}/environments/development/variants`;
const variant = (name, weight, more) => ({ name, weight, weightType: 'variable', stickiness: 'default', ...more });

export default [
    post('flag', FEATURES, { name: 'conf.variants' }),
    get('list without any', VARIANTS),
    put('put without name', VARIANTS, [{ weight: 1 }]),
    put('put an object', VARIANTS, { name: 'a' }),
    put('put an unknown payload type', VARIANTS, [variant('a', 1000, { payload: { type: 'xml', value: 'x' } })]),
    put('put as viewer', VARIANTS, [], { as: 'viewer' }),
    put('put for an unknown flag', `${FEATURES}/conf.nothing/environments/development/variants`, []),
    patch('patch as viewer', VARIANTS, [], { as: 'viewer' }),
    put('push to several environments', `${FLAG}/variants-batch`, { environments: ['development', 'production'], variants: [variant('z', 1000)] }),
    get('list in production', `${FLAG}/environments/production/variants`),
    get('flag', FLAG.concat('?variantEnvironments=true'), { compare: LATER }),
    put('put when there are some', VARIANTS, [variant('a', 0), variant('b', 0, { payload: { type: 'json', value: '{"x":1}' } }), variant('c', 100, { weightType: 'fix' })]),
    patch('patch when there are some', VARIANTS, [{ op: 'add', path: '/0', value: variant('d', 0, { overrides: [{ contextName: 'userId', values: ['1'] }] }) }]),
    get('list when there are some', VARIANTS),
    put('put two with one name when there are some', VARIANTS, [variant('a', 0), variant('a', 0)]),
    put('put too much weight when there are some', VARIANTS, [variant('a', 900, { weightType: 'fix' }), variant('b', 900, { weightType: 'fix' })]),
    put('put only fixed weights when there are some', VARIANTS, [variant('a', 900, { weightType: 'fix' })]),
    patch('patch a path that is not there', VARIANTS, [{ op: 'remove', path: '/9' }]),
    put('remove all', VARIANTS, []),
    get('event', '/api/admin/search/events?feature=IS:conf.variants&type=IS:feature-environment-variants-updated&limit=1&offset=1'),
].map((step, i) => (step.name === 'flag' && i > 0 ? { ...step, name: 'flag with variants' } : step));
