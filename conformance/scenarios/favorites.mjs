//! Favorites: features and projects that a user wants at hand.
import { asEach, del, get, post } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const FLAG = `${FEATURES}/conf.fav.b/favorites`;
const PROJECT = '/api/admin/projects/default/favorites';
const json = { headers: { 'content-type': 'application/json' } };
const listed = (name, as) => get(name, `${FEATURES}?namePrefix=conf.fav`, { as, compare: { unordered: true } });
const event = (name, type) => get(name, `/api/admin/search/events?type=IS:${type}&limit=1`, { compare: { ignore: ['total'] } });

export default [
    ...['a', 'b', 'c'].map((name) => post(`flag ${name}`, FEATURES, { name: `conf.fav.${name}` })),
    listed('list at first', 'viewer'),
    post('add a flag', FLAG, {}, { as: 'viewer' }),
    post('add it again', FLAG, {}, { as: 'viewer' }),
    event('event of a flag', 'feature-favorited'),
    ...asEach(['anon', 'backend', 'admin'], post('add a flag', FLAG, {})),
    post('add a flag by session', FLAG, {}, { as: 'editor-session' }),
    post('add an unknown flag', `${FEATURES}/conf.fav.none/favorites`, {}, { as: 'viewer' }),
    listed('list with a favorite', 'viewer'),
    listed('list of somebody else', 'admin-user'),
    listed('list of a token', 'admin'),
    get('a favorite', `${FEATURES}/conf.fav.b`, { as: 'viewer', compare: { ignore: ['lifecycle*', 'collaborators*'] } }),
    get('a flag that is none', `${FEATURES}/conf.fav.a`, { as: 'viewer', compare: { ignore: ['lifecycle*', 'collaborators*'] } }),
    get('a favorite of somebody else', `${FEATURES}/conf.fav.b`, { as: 'admin-user', compare: { ignore: ['lifecycle*', 'collaborators*'] } }),
    del('remove a flag', FLAG, { as: 'viewer', ...json }),
    event('event of a flag removed', 'feature-unfavorited'),
    del('remove it again', FLAG, { as: 'viewer', ...json }),
    del('remove an unknown flag', `${FEATURES}/conf.fav.none/favorites`, { as: 'viewer', ...json }),
    ...asEach(['anon', 'admin'], del('remove a flag', FLAG, json)),
    listed('list at last', 'viewer'),
    post('add a flag to be archived', `${FEATURES}/conf.fav.c/favorites`, {}, { as: 'viewer' }),
    del('archive it', `${FEATURES}/conf.fav.c`),
    del('delete it', '/api/admin/archive/conf.fav.c'),

    post('add a project', PROJECT, {}, { as: 'viewer' }),
    event('event of a project', 'project-favorited'),
    ...asEach(['anon', 'backend', 'admin'], post('add a project', PROJECT, {})),
    post('add an unknown project', '/api/admin/projects/conf-none/favorites', {}, { as: 'viewer' }),
    get('overview', '/api/admin/projects/default/overview', { as: 'viewer', compare: { body: false } }),
    del('remove a project', PROJECT, { as: 'viewer', ...json }),
    event('event of a project removed', 'project-unfavorited'),
    del('remove the project again', PROJECT, { as: 'viewer', ...json }),
    del('remove an unknown project', '/api/admin/projects/conf-none/favorites', { as: 'viewer', ...json }),
    ...asEach(['anon', 'admin'], del('remove a project', PROJECT, json)),
];
