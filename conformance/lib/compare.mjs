//! Turns two answers into a list of differences, after hiding what must differ between two servers.

/** UUID, or ULID as the reference gives to strategies. */
const UNIQUE = /\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9A-HJKMNP-TV-Z]{26})\b/gi;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?/g;
const TOKEN = /(\*|\[\]|[\w-]+):(\*|[\w-]+)\.[\w+/=-]{16,}/g;
const PAT = /user:[\w.+/=-]{16,}/g;

/** Numbers that name a row of one server's store, or count its commits. */
const NUMBER_IDS = new Set(['id', 'createdByUserId', 'userId', 'segmentId', 'revisionId']);
/** Lists of such numbers. */
const NUMBER_ID_LISTS = new Set(['segments', 'segmentIds', 'ids']);
/** Prose for people in the answer to a failed request: each product has its own. */
const ERROR_PROSE = new Set(['message', 'description', 'validationErrors']);
/** Prose and opaque values in any answer. */
const OPAQUE = new Set(['summary', 'label', 'queryHash', 'etag', 'imageUrl', 'inviteLink']);
/** Marks of the reference's own transactions. */
const EVENT_GROUP = /^events\[\d+\]\.group(Id|Type)$/;
/** Where Flagstone may say more than the reference: what an event holds of a resource. */
const MAY_SAY_MORE = /^body\.events\[\d+\]\.(data|preData)\./;
/** Paths whose answers SDKs fetch again and again; elsewhere an ETag is an optimization without effect. */
const SDK_PATH = /^\/api\/(client\/features|frontend)/;

/** Headers that a client acts upon. */
const HEADERS = ['content-type', 'location', 'etag', 'allow', 'www-authenticate', 'clear-site-data',
    'access-control-allow-origin', 'access-control-allow-credentials', 'retry-after'];

/** What is compared: `status`, the headers above, the names of cookies, and the body. */
export function normalize(answer, memory, { compare = {}, ...step }) {
    const names = new Map([...memory.values]
        .filter(([, v]) => typeof v === 'string' && v.length >= 8)
        .sort(([, a], [, b]) => b.length - a.length)
        .map(([k, v]) => [v, `<${k}>`]));
    return {
        status: answer.status,
        header: headers(answer, names, step),
        body: compare.body === false ? undefined : body(answer, names, compare),
        details: answer.status >= 400 && answer.json?.details ? answer.json.details : undefined,
    };
}

/**
 * Where the reference says which part of a request is at fault, Flagstone says it too. It may say more: the reference
 * stops at the first fault and gives no path for many. A path without a slash is the reference's name of the field.
 */
function missingDetails(reference, flagstone) {
    if (reference === undefined) return [];
    if (!Array.isArray(flagstone) || !flagstone.every((detail) => typeof detail?.message === 'string')) {
        return [{ path: 'details', reference: 'a list of messages', flagstone }];
    }
    const own = flagstone.map((detail) => detail.path).filter(Boolean);
    return reference.map((detail) => detail.path)
        .filter((path) => path !== undefined && !own.some((p) => p === path || p.endsWith(`/${path}`) || (path === '/body' && p.startsWith('/body/'))))
        .map((path) => ({ path: 'details', reference: path, flagstone: own }));
}

function headers(answer, names, { method, path }) {
    const out = {};
    for (const name of HEADERS) {
        const value = answer.headers[name];
        if (value === undefined) continue;
        if (name === 'content-type') {
            if (answer.text !== '' && Math.floor(answer.status / 100) !== 3) out[name] = value.split(';')[0].trim();
        } else if (name === 'etag') {
            if (answer.status === 200 && method === 'GET' && SDK_PATH.test(path)) out[name] = '<etag>';
        } else if (name === 'location') out[name] = text(value, names).replace(/\b\d+\b/g, '<number>');
        else out[name] = text(value, names);
    }
    if (answer.cookies.length) out['set-cookie'] = answer.cookies.map(cookie).sort();
    return out;
}

/** The name and the attributes of a cookie, without its value and its lifetime; of a cleared one the name. */
function cookie(line) {
    const [pair, ...attributes] = line.split(';').map((part) => part.trim().toLowerCase());
    const [name, value] = pair.split('=');
    if (value === '') return `${name} cleared`;
    return [name, ...attributes.filter((part) => !/^(expires|max-age)=/.test(part)).sort()].join('; ');
}

function body(answer, names, compare) {
    if (answer.status >= 300 && answer.status < 400) return undefined;
    if (answer.json === undefined) {
        if (/json/.test(answer.headers['content-type'] ?? '')) return answer.text;
        if (compare.text === true) return text(answer.text, names);
        return answer.text === '' ? '' : '<text>';
    }
    const context = {
        names,
        ignore: compare.ignore ?? [],
        unordered: compare.unordered,
        only: compare.only,
        atLeast: compare.atLeast,
        isError: answer.status >= 400,
    };
    return value(answer.json, '', '', context);
}

function value(v, key, path, context) {
    if (OPAQUE.has(key) && v !== null && v !== '') return '<opaque>';
    if (context.isError && ERROR_PROSE.has(key)) return '<text>';
    if (Array.isArray(v)) return list(v, key, path, context);
    if (v && typeof v === 'object') {
        const out = {};
        for (const k of Object.keys(v).sort()) {
            // The reference numbers some of its errors and not others; details are compared by `missingDetails`.
            if (context.isError && path === '' && (k === 'id' || k === 'details')) continue;
            const inner = path === '' ? k : `${path}.${k}`;
            if (EVENT_GROUP.test(inner) || context.ignore.some((pattern) => matches(pattern, inner))) continue;
            out[text(k, context.names)] = value(v[k], k, inner, context);
        }
        return out;
    }
    if (typeof v === 'number' && NUMBER_IDS.has(key)) return '<number>';
    if (typeof v === 'string') return text(v, context.names);
    return v;
}

function list(items, key, path, context) {
    const isIds = NUMBER_ID_LISTS.has(key);
    const prefix = context.only?.[path];
    const kept = prefix === undefined ? items : items.filter((item) => String(item?.name ?? item).startsWith(prefix));
    const out = kept.map((item, i) =>
        isIds && typeof item === 'number' ? '<number>' : value(item, '', `${path}[${i}]`, context));
    const unordered = context.unordered === true
        || context.unordered?.some((pattern) => matches(pattern, path));
    if (context.atLeast?.includes(path)) return Object.defineProperty(out, 'atLeast', { value: true });
    if (!unordered) return out;
    out.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
    return Object.defineProperty(out, 'unordered', { value: true });
}

const canonical = (v) => JSON.stringify(v);

/** By name first, so that one differing field does not shift every other item. */
const sortKey = (v) => `${v?.name ?? v?.tokenName ?? v?.featureName ?? ''} ${canonical(v)}`;

function text(v, names) {
    let out = v;
    for (const [secret, name] of names) out = out.split(secret).join(name);
    return out.replace(PAT, '<pat>').replace(TOKEN, '<token>').replace(UNIQUE, '<unique>').replace(TIME, '<time>');
}

/** Whether a path such as `features[0].name` fits a pattern in which `*` stands for anything. */
export function matches(pattern, path) {
    if (pattern === path) return true;
    const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*');
    return new RegExp(`^${source}$`, 's').test(path);
}

/** Differences between two normalized answers, each with the path where it is. */
export function differences({ details, ...reference }, { details: ownDetails, ...flagstone }, twins = false) {
    const found = deepDifferences(reference, flagstone, '').filter((d) => !saysMore(d, reference.status));
    // Some errors of the reference are empty or a page of HTML: ours are JSON like all others.
    if (!twins && reference.status >= 400 && reference.status === flagstone.status && typeof reference.body === 'string') {
        const { name, message } = flagstone.body ?? {};
        return name && message ? [] : [{ path: 'body', reference: 'an error', flagstone: flagstone.body }];
    }
    // Of two different statuses the bodies have nothing to do with each other.
    if (reference.status !== flagstone.status) return found.filter(({ path }) => path === 'status');
    return [...found, ...missingDetails(details, ownDetails)];
}

/** No client minds a `null` that spells out what is absent, a further field in an error, or more in an event. */
function saysMore({ path, reference, flagstone }, status) {
    if (reference !== undefined || !path.startsWith('body.')) return false;
    return flagstone === null || status >= 400 || MAY_SAY_MORE.test(path);
}

function deepDifferences(reference, flagstone, path) {
    if (canonical(reference) === canonical(flagstone)) return [];
    const both = [reference, flagstone];
    if (both.every((v) => Array.isArray(v) && v.atLeast)) return lackingItems(reference, flagstone, path);
    if (both.every(isNamedList)) return namedDifferences(reference, flagstone, path);
    if (both.every((v) => v && typeof v === 'object' && Array.isArray(v) === Array.isArray(reference))) {
        const keys = Array.isArray(reference)
            ? [...Array(Math.max(reference.length, flagstone.length)).keys()]
            : [...new Set([...Object.keys(reference), ...Object.keys(flagstone)])];
        return keys.flatMap((key) => deepDifferences(reference[key], flagstone[key],
            Array.isArray(reference) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`));
    }
    return [{ path, reference, flagstone }];
}

/** Of a list that may be longer than the reference's, what is not in it. */
function lackingItems(reference, flagstone, path) {
    const own = new Set(flagstone.map(canonical));
    return reference.filter((item) => !own.has(canonical(item))).map((item) => ({ path: `${path}[]`, reference: item }));
}

/** Lists without an order whose items have names are compared by name, so that one missing item is one difference. */
function isNamedList(v) {
    return Array.isArray(v) && v.unordered && new Set(v.map((item) => item?.name)).size === v.length && v.every((item) => typeof item?.name === 'string');
}

function namedDifferences(reference, flagstone, path) {
    const names = new Set([...reference, ...flagstone].map((item) => item.name));
    const find = (list, name) => list.find((item) => item.name === name);
    return [...names].flatMap((name) => deepDifferences(find(reference, name), find(flagstone, name), `${path}[name=${name}]`));
}
