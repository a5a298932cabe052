//! Dependencies between flags.
import { LATER, del, get, post } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const CHILD = `${FEATURES}/conf.child`;

export default [
    post('child', FEATURES, { name: 'conf.child' }),
    post('parent', FEATURES, { name: 'conf.parent' }),
    post('other', FEATURES, { name: 'conf.other' }),
    get('parents to choose from', `${CHILD}/parents`, { compare: { unordered: true, body: false } }),
    get('whether there are any before', '/api/admin/projects/default/dependencies'),
    post('set', `${CHILD}/dependencies`, { feature: 'conf.parent' }),
    post('set again', `${CHILD}/dependencies`, { feature: 'conf.parent' }),
    post('set disabled', `${CHILD}/dependencies`, { feature: 'conf.parent', enabled: false }),
    post('set disabled with variants', `${CHILD}/dependencies`, { feature: 'conf.parent', enabled: false, variants: ['x'] }),
    post('set with variants', `${CHILD}/dependencies`, { feature: 'conf.parent', enabled: true, variants: ['x'] }),
    post('set a second parent', `${CHILD}/dependencies`, { feature: 'conf.other' }),
    post('set itself', `${FEATURES}/conf.other/dependencies`, { feature: 'conf.other' }),
    post('set a grandparent', `${FEATURES}/conf.other/dependencies`, { feature: 'conf.child' }),
    post('give the parent a parent', `${FEATURES}/conf.parent/dependencies`, { feature: 'conf.other' }),
    post('set an unknown parent', `${FEATURES}/conf.other/dependencies`, { feature: 'conf.nothing' }),
    post('set for an unknown child', `${FEATURES}/conf.nothing/dependencies`, { feature: 'conf.parent' }),
    post('set without feature', `${FEATURES}/conf.other/dependencies`, {}),
    post('set with a number', `${FEATURES}/conf.other/dependencies`, { feature: 7 }),
    post('set as viewer', `${CHILD}/dependencies`, { feature: 'conf.parent' }, { as: 'viewer' }),
    post('set as anon', `${CHILD}/dependencies`, { feature: 'conf.parent' }, { as: 'anon' }),
    get('whether there are any', '/api/admin/projects/default/dependencies'),
    get('child with dependency', CHILD, { compare: LATER }),
    get('parent with children', `${FEATURES}/conf.parent`, { compare: LATER }),
    get('variants of the parent', `${FEATURES}/conf.parent/parent-variants`),
    del('archive a parent', `${FEATURES}/conf.parent`),
    post('validate archiving a parent', '/api/admin/projects/default/archive/validate', { features: ['conf.parent'] }),
    del('remove as viewer', `${CHILD}/dependencies/conf.parent`, { as: 'viewer' }),
    del('remove', `${CHILD}/dependencies/conf.parent`),
    del('remove again', `${CHILD}/dependencies/conf.parent`),
    post('set once more', `${CHILD}/dependencies`, { feature: 'conf.parent' }),
    del('remove all', `${CHILD}/dependencies`),
    get('child without dependency', CHILD, { compare: LATER }),
    get('event added', '/api/admin/search/events?feature=IS:conf.child&type=IS:feature-dependency-added&limit=1'),
    get('event removed', '/api/admin/search/events?feature=IS:conf.child&type=IS:feature-dependency-removed&limit=1'),
    get('events of all kinds', '/api/admin/search/events?feature=IS:conf.child'),
];
