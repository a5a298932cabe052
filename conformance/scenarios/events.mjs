//! The event log with its filters.
import { asEach, get, post, put } from '../lib/steps.mjs';

const SEARCH = '/api/admin/search/events';
const FEATURES = '/api/admin/projects/default/features';
const mine = 'feature=IS:conf.event';

export default [
    post('flag', FEATURES, { name: 'conf.event', description: 'needle' }),
    put('change', `${FEATURES}/conf.event`, { description: 'changed' }),
    post('switch on', `${FEATURES}/conf.event/environments/development/on`, undefined, { as: 'editor' }),
    get('all of a flag', `${SEARCH}?${mine}`, { save: { eventId: '$.events[0].id' } }),
    get('one by type', `${SEARCH}?${mine}&type=IS:feature-created`),
    get('several types', `${SEARCH}?${mine}&type=IS_ANY_OF:feature-created,feature-environment-enabled`),
    get('several flags', `${SEARCH}?feature=IS_ANY_OF:conf.event,conf.nothing`),
    get('limit', `${SEARCH}?${mine}&limit=1`),
    get('limit and offset', `${SEARCH}?${mine}&limit=1&offset=1`),
    get('limit 0', `${SEARCH}?${mine}&limit=0`, { compare: { body: false } }),
    get('limit too big', `${SEARCH}?${mine}&limit=5000`),
    get('limit a word', `${SEARCH}?${mine}&limit=many`),
    get('offset negative', `${SEARCH}?${mine}&offset=-1`),
    get('by project', `${SEARCH}?${mine}&project=IS:default`),
    get('by an unknown project', `${SEARCH}?${mine}&project=IS:nowhere`),
    get('by environment', `${SEARCH}?${mine}&environment=IS:development`),
    get('by text', `${SEARCH}?query=needle`),
    get('by text and flag', `${SEARCH}?query=needle&${mine}`),
    get('by creator', `${SEARCH}?${mine}&createdBy=IS:{{editorId}}`),
    get('from a day on', `${SEARCH}?${mine}&from=IS:2020-01-01`),
    get('from a day in the future', `${SEARCH}?${mine}&from=IS:2099-01-01`),
    get('up to a day', `${SEARCH}?${mine}&to=IS:2020-01-01`),
    get('from a bad day', `${SEARCH}?${mine}&from=IS:yesterday`),
    get('by id', `${SEARCH}?id=IS:{{eventId}}`),
    get('with a bad filter', `${SEARCH}?feature=conf.event`),
    get('with a bad operator', `${SEARCH}?feature=LIKE:conf.event`),
    get('of an unknown type', `${SEARCH}?type=IS:spaceship`),
    ...asEach(['anon', 'viewer', 'editor', 'backend'], get('search', `${SEARCH}?${mine}&limit=1`)),
    get('creators', '/api/admin/event-creators', { compare: { unordered: true, body: false } }),
    get('creators as anon', '/api/admin/event-creators', { as: 'anon' }),
];
