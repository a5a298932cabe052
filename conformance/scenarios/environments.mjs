//! Environments as the open-source edition has them.
import { asEach, get, post, put } from '../lib/steps.mjs';

const E = '/api/admin/environments';
const COUNTS = { compare: { ignore: ['*apiTokenCount', '*enabledToggleCount', '*projectApiTokenCount', '*projectEnabledToggleCount'] } };

export default [
    get('list', E, COUNTS),
    get('list as viewer', E, { ...COUNTS, as: 'viewer' }),
    ...asEach(['anon', 'backend'], get('list', E)),
    get('get', `${E}/development`, COUNTS),
    get('get an unknown one', `${E}/nowhere`),
    get('list of a project', `${E}/project/default`, { compare: { ignore: [...COUNTS.compare.ignore, '*defaultStrategy*'] } }),
    get('list of an unknown project', `${E}/project/nowhere`),
    post('switch off', `${E}/production/off`, undefined),
    get('get after switching off', `${E}/production`, COUNTS),
    post('switch off again', `${E}/production/off`, undefined),
    post('switch off an unknown one', `${E}/nowhere/off`, undefined),
    ...asEach(['anon', 'editor', 'viewer'], post('switch off', `${E}/production/off`, undefined)),
    post('switch on', `${E}/production/on`, undefined),
    post('switch on again', `${E}/production/on`, undefined),
    post('switch on an unknown one', `${E}/nowhere/on`, undefined),
    post('switch on as editor', `${E}/production/on`, undefined, { as: 'editor' }),
    put('set the order', `${E}/sort-order`, { development: 200, production: 100 }),
    get('list in another order', E, COUNTS),
    put('set the order of an unknown one', `${E}/sort-order`, { nowhere: 1 }),
    put('set the order with words', `${E}/sort-order`, { development: 'first' }),
    put('set the order with a list', `${E}/sort-order`, []),
    put('set the order as editor', `${E}/sort-order`, { development: 1 }, { as: 'editor' }),
    put('set the order back', `${E}/sort-order`, { development: 100, production: 200 }),
    get('events', '/api/admin/search/events?type=IS_ANY_OF:environment-created,environment-updated,environment-deleted&limit=2'),
];
