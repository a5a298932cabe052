//! Names that trip up a parser, a URL or a database.
import { days, get, post } from '../lib/steps.mjs';

const NAMES = {
    emoji: 'odd-🚩',
    quotes: `odd-'";--`,
    'a slash': 'odd-a/b',
    'a question mark': 'odd-a?b',
    'a percent sign': 'odd-a%41',
    'a line break': 'odd-a\nb',
    'a null byte': 'odd-a\u0000b',
    'right-to-left letters': 'odd-אב',
    '10,000 characters': `odd-${'n'.repeat(10_000)}`,
    null: null,
};

const NOUNS = {
    'a flag': (name) => ['/api/admin/projects/default/features', { name }],
    'a segment': (name) => ['/api/admin/segments', { name, constraints: [] }],
    'a context field': (name) => ['/api/admin/context', { name }],
    'a project token': (tokenName) => ['/api/admin/projects/default/api-tokens', { type: 'backend', environment: 'development', tokenName }],
    'a personal token': (description) => ['/api/admin/user/tokens', { description, expiresAt: days(5) }],
};

export default [
    ...Object.entries(NOUNS).flatMap(([noun, request]) => Object.entries(NAMES).map(([kind, name]) => {
        const [path, body] = request(name);
        return post(`${noun} with ${kind}`, path, body, { as: noun === 'a personal token' ? 'admin-session' : 'admin' });
    })),
    ...Object.entries(NAMES).filter(([, name]) => name).map(([kind, name]) =>
        get(`ask for a flag with ${kind}`, `/api/admin/projects/default/features/${encodeURIComponent(name)}`)),
    ...Object.entries(NAMES).filter(([, name]) => name).map(([kind, name]) =>
        get(`search events of a flag with ${kind}`, `/api/admin/search/events?feature=IS:${encodeURIComponent(name)}`)),
];
