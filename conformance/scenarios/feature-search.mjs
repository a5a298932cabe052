//! Features found by what they are: every filter, order and page.
// The reference lets an address search 15 times a minute, so each step comes from another one.
import { asEach, del, get, post, put } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const EVERY = 'query=conf.search.';
const LATER = { unordered: ['features[*].tags'], ignore: ['*lifecycle*', '*lastSeenAt', '*yes', '*no', '*createdBy*'] };

let address = 0;
const from = () => {
    address += 1;
    return { 'x-forwarded-for': `10.21.${Math.floor(address / 200)}.${1 + (address % 200)}` };
};

/** A search, with what else is asked for beside the flags of this scenario. */
const search = (query, more) => get(query || 'all', `/api/admin/search/features?${EVERY}${query ? `&${query}` : ''}`, { compare: LATER, ...more, headers: from() });
const refused = (query) => ({ ...search(query), name: `refused: ${query}` });

const create = (name, body) => post(`flag ${name}`, FEATURES, { name: `conf.search.${name}`, ...body });

export default [
    post('tag one', '/api/admin/tags', { type: 'simple', value: 'conf-search-1' }),
    post('tag two', '/api/admin/tags', { type: 'simple', value: 'conf-search-2' }),
    post('segment one', '/api/admin/segments', { name: 'conf-search-one', constraints: [] }, { save: { searchOne: '$.id' } }),
    post('segment two', '/api/admin/segments', { name: 'conf-search-two', constraints: [] }, { save: { searchTwo: '$.id' } }),
    create('a', { type: 'experiment', description: 'Lorem CONF-ipsum', tags: [{ type: 'simple', value: 'conf-search-1' }, { type: 'simple', value: 'conf-search-2' }] }),
    create('b', { type: 'kill-switch', description: 'dolor', impressionData: true, tags: [{ type: 'simple', value: 'conf-search-1' }] }),
    create('c', { type: 'permission' }),
    create('D', { type: 'operational' }),
    create('e', {}),
    create('old', {}),
    create('done', {}),
    post('strategy with both segments', `${FEATURES}/conf.search.b/environments/development/strategies`, { name: 'default', segments: ['{{searchOne}}', '{{searchTwo}}'] }, { compare: { body: false } }),
    post('strategy with one segment', `${FEATURES}/conf.search.c/environments/production/strategies`, { name: 'default', segments: ['{{searchOne}}'] }, { compare: { body: false } }),
    post('on', `${FEATURES}/conf.search.b/environments/development/on`),
    post('dependency', `${FEATURES}/conf.search.c/dependencies`, { feature: 'conf.search.b' }),
    put('stale', `${FEATURES}/conf.search.c`, { type: 'permission', stale: true }),
    del('archived', `${FEATURES}/conf.search.old`),
    // A moment later the reference has told its own what was created.
    get('wait for its life', `${FEATURES}/conf.search.done/lifecycle`, { until: { path: '$[0].stage' }, compare: { ignore: ['*enteredStageAt'] } }),
    post('done', `${FEATURES}/conf.search.done/lifecycle/complete`, { status: 'kept' }),
    post('favorite', `${FEATURES}/conf.search.e/favorites`, {}, { as: 'admin-user' }),

    search(''),
    ...asEach(['viewer', 'editor', 'admin-user'], search('')),
    ...asEach(['anon', 'badtoken', 'backend', 'frontend'], search('')),
    ...['query=CONF.SEARCH.A', 'query=conf-IPSUM', 'query=conf.search.a,conf.search.b', 'query=conf.search.a%20conf.search.b', 'query=%20conf.search.a', 'query=conf.search.a,%20%20conf.search.b', 'query=conf.search.none']
        .map((query) => get(query, `/api/admin/search/features?${query}`, { compare: LATER, headers: from() })),
    get('a text with a wildcard', '/api/admin/search/features?query=conf.search%25', { headers: from(), compare: LATER }),
    get('a text of a tag', '/api/admin/search/features?query=conf-search-2', { headers: from(), compare: LATER }),
    ...[
        'project=IS:default', 'project=IS:none', 'project=IS_NOT:default', 'project=IS_NOT:none', 'project=IS_ANY_OF:default,none', 'project=IS_NONE_OF:default,none', 'project=IS_ANY_OF:%20none,%20default', 'project=IS:', 'project=IS:none,default',
        'state=IS:active', 'state=IS:stale', 'state=IS_NOT:stale', 'state=IS_NOT:active', 'state=IS_ANY_OF:active,stale', 'state=IS_NONE_OF:active,stale', 'state=IS:potentially-stale', 'state=IS_NOT:potentially-stale', 'state=IS:stale,active',
        'type=IS:release', 'type=IS_NOT:release', 'type=IS_ANY_OF:experiment,kill-switch', 'type=IS_NONE_OF:experiment,kill-switch', 'type=IS:none', 'type=IS_ANY_OF:experiment,%20release', 'type=IS_NOT:release,experiment', 'type=IS_ANY_OF:', 'type=IS_NONE_OF:',
        'createdBy=IS:-42', 'createdBy=IS:1', 'createdBy=IS_NOT:-42', 'createdBy=IS_ANY_OF:1,-42',
        'lifecycle=IS:initial', 'lifecycle=IS:completed', 'lifecycle=IS_NOT:initial', 'lifecycle=IS_ANY_OF:initial,completed', 'lifecycle=IS_NONE_OF:initial,live', 'lifecycle=IS:live', 'lifecycle=IS:none', 'lifecycle=IS_NOT:archived',
        'tag=INCLUDE:simple:conf-search-1', 'tag=DO_NOT_INCLUDE:simple:conf-search-1', 'tag=INCLUDE_ALL_OF:simple:conf-search-1,simple:conf-search-2', 'tag=INCLUDE_ANY_OF:simple:conf-search-1,%20simple:conf-search-2', 'tag=EXCLUDE_IF_ANY_OF:simple:conf-search-1,simple:conf-search-2', 'tag=EXCLUDE_ALL:simple:conf-search-1,simple:conf-search-2', 'tag=EXCLUDE_ALL:simple:conf-search-2', 'tag=INCLUDE:none:none', 'tag=INCLUDE:simple:conf-search-1,simple:conf-search-2',
        'segment=INCLUDE:conf-search-one', 'segment=DO_NOT_INCLUDE:conf-search-one', 'segment=INCLUDE_ALL_OF:conf-search-one,conf-search-two', 'segment=INCLUDE_ANY_OF:conf-search-one,conf-search-two', 'segment=EXCLUDE_IF_ANY_OF:conf-search-one,conf-search-two', 'segment=EXCLUDE_ALL:conf-search-one,conf-search-two', 'segment=INCLUDE:none', 'segment=INCLUDE:',
        'status[]=development:enabled', 'status[]=development:disabled', 'status[]=development:enabled&status[]=production:disabled', 'status=development:enabled&status=production:enabled', 'status[]=none:enabled', 'status[]=none', 'status[]=none:enabled&status[]=development:enabled',
        'archived=IS:true', 'archived=IS:false', 'favorite=IS:true', 'favorite=IS:false', 'favorite=IS_ANY_OF:true,false', 'favorite=IS:true,false',
        'createdAt=IS_BEFORE:2020-01-01', 'createdAt=IS_ON_OR_AFTER:2020-01-01', 'createdAt=IS_BEFORE:2999-01-01', 'lastSeenAt=IS_BEFORE:2999-01-01', 'lastSeenAt=IS_ON_OR_AFTER:2020-01-01',
        'limit=2', 'limit=2&offset=2', 'limit=0', 'limit=-1', 'limit=x', 'limit=1000', 'offset=-1', 'offset=x', 'offset=1', 'limit=',
        ...['name', 'type', 'project', 'stale', 'createdAt', 'lastSeenAt', 'environment:development', 'environment:production', 'environment:none', 'none', 'lifecycle']
            .flatMap((key) => [`sortBy=${key}`, `sortBy=${key}&sortOrder=desc`]),
        'sortOrder=desc', 'sortOrder=asc', 'favoritesFirst=true', 'favoritesFirst=none', 'colour=red', 'sortBy=createdAt&sortOrder=desc&limit=2&offset=1', 'status[]=development:enabled&type=IS:release', 'archived=IS:true&state=IS:stale',
    ].map((query) => search(query)),
    ...['favorite=IS:true', 'favorite=IS:false', 'favoritesFirst=true', 'favoritesFirst=true&sortBy=name&sortOrder=desc', 'favoritesFirst=false']
        .map((query) => ({ ...search(query, { as: 'admin-user' }), name: `${query} of a user` })),
    ...['lifecycle=IS:archived', 'lifecycle=IS_ANY_OF:archived,completed'].map((query) => search(query, { until: { path: '$.total', atLeast: 1 } })),
    ...[
        'project=default', 'project=', 'project=LIKE:default', 'project=INCLUDE:default', 'state=stale', 'type=release', 'type=IS:release&type=IS:experiment', 'lifecycle=initial', 'createdBy=1',
        'tag=INCLUDE:conf-search-1', 'tag=simple:conf-search-1', 'tag=IS:simple:conf-search-1', 'tag=EXCLUDE:simple:conf-search-1', 'segment=conf-search-one', 'segment=IS:conf-search-one',
        'archived=true', 'archived=IS_NOT:true', 'archived=IS:yes', 'favorite=true', 'favorite=IS:yes', 'createdAt=IS:2020-01-01', 'createdAt=IS_BEFORE:20200101', 'createdAt=', 'lastSeenAt=now', 'sortOrder=up', 'sortOrder=', 'sortOrder=DESC', 'query=other',
    ].map(refused),
    { ...search('createdBy=IS:ada'), name: 'an id that is none' },
    { ...search('createdAt=IS_BEFORE:2020-13-45'), name: 'a day that is none' },
    { ...search('limit=1.5'), name: 'half a limit' },
    { ...search('tag=INCLUDE_ANY_OF:simple:conf-search-1,none'), name: 'one tag of two that is none' },
    { ...search('state=IS:none'), name: 'a state that is none' },
    { ...search('status=development:enabled'), name: 'a single status' },
    { ...search('offset=100'), name: 'beyond the end' },
];
