//! Links of features.
import { asEach, del, get, post, put } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const LINK = `${FEATURES}/conf.linked/link`;
const event = (name, type) => get(name, `/api/admin/search/events?type=IS:${type}&limit=1`, { compare: { ignore: ['total'] } });
const LATER = { compare: { ignore: ['lifecycle*', 'collaborators*'] } };

export default [
    post('flag', FEATURES, { name: 'conf.linked' }),
    post('another flag', FEATURES, { name: 'conf.linked.too' }),
    get('flag at first', `${FEATURES}/conf.linked`, LATER),
    post('add', LINK, { url: 'https://tickets.example.com/7', title: 'Ticket' }),
    event('event added', 'feature-link-added'),
    post('add without title', LINK, { url: 'https://tickets.example.com/8?a=b#c' }),
    event('event added without title', 'feature-link-added'),
    post('add with a null title', LINK, { url: 'http://localhost:4242/x', title: null }),
    post('add without scheme', LINK, { url: 'example.com/path' }),
    post('add with a template', LINK, { url: 'https://example.com/{feature}' }),
    post('add with an empty url', LINK, { url: '' }),
    post('add without url', LINK, { title: 'Nowhere' }),
    post('add nothing', LINK, {}),
    ...asEach(['anon', 'viewer', 'backend'], post('add', LINK, { url: 'https://example.com' })),
    post('add as editor', LINK, { url: 'https://example.com/editor' }, { as: 'editor' }),
    post('add to an unknown flag', `${FEATURES}/conf.none/link`, { url: 'https://example.com' }),
    get('flag with links', `${FEATURES}/conf.linked`, { ...LATER, save: { link: '$.links[0].id', second: '$.links[1].id' } }),
    put('update', `${LINK}/{{link}}`, { url: 'https://tickets.example.com/9', title: 'Another' }),
    event('event updated', 'feature-link-updated'),
    put('update the url alone', `${LINK}/{{link}}`, { url: 'https://tickets.example.com/10' }),
    event('event updated alone', 'feature-link-updated'),
    put('update without url', `${LINK}/{{link}}`, { title: 'x' }),
    put('update with an empty url', `${LINK}/{{link}}`, { url: '' }),
    put('update an unknown one', `${LINK}/01M8AT6A186WBXKQVK8W8496Z8`, { url: 'https://example.com' }),
    ...asEach(['anon', 'viewer'], put('update', `${LINK}/{{link}}`, { url: 'https://example.com' })),
    get('flag after the update', `${FEATURES}/conf.linked`, LATER),
    post('add javascript', LINK, { url: 'javascript:alert(1)' }),
    post('add ftp', LINK, { url: 'ftp://example.com/x' }),
    post('add mail', LINK, { url: 'mailto:conf@example.com' }),
    post('add a host with a space', LINK, { url: 'https://exa mple.com' }),
    post('add a long one', LINK, { url: `https://example.com/${'x'.repeat(3000)}` }),
    post('add a long title', LINK, { url: 'https://example.com', title: 't'.repeat(300) }),
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => post(`fill the other ${n}`, `${FEATURES}/conf.linked.too/link`, { url: `https://example.com/${n}` })),
    post('one too many', `${FEATURES}/conf.linked.too/link`, { url: 'https://example.com/11' }),
    put('update through another flag', `${FEATURES}/conf.linked.too/link/{{second}}`, { url: 'https://example.com/other' }),
    ...asEach(['anon', 'viewer'], del('remove', `${LINK}/{{link}}`)),
    del('remove', `${LINK}/{{link}}`),
    event('event removed', 'feature-link-removed'),
    del('remove again', `${LINK}/{{link}}`),
    del('remove an unknown one', `${LINK}/x`),
];
