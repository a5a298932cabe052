//! Plays the steps of a scenario against one server and keeps what was asked and what was answered.
import { request } from './http.mjs';

const UNTIL_MS_MAX = 20_000;
const UNTIL_PAUSE_MS = 250;
const HOUR_MS = 3_600_000;

/** Headers that make a caller. Values in braces come from the prelude, see `scenarios/_principals.mjs`. */
const PRINCIPALS = {
    anon: {},
    admin: { authorization: '{{adminToken}}' },
    'admin-user': { authorization: '{{adminUserPat}}' },
    editor: { authorization: '{{editorPat}}' },
    viewer: { authorization: '{{viewerPat}}' },
    'admin-session': { cookie: '{{adminCookie}}' },
    'editor-session': { cookie: '{{editorCookie}}' },
    'viewer-session': { cookie: '{{viewerCookie}}' },
    backend: { authorization: '{{backendToken}}' },
    'backend-all': { authorization: '{{backendAllToken}}' },
    'backend-production': { authorization: '{{backendProductionToken}}' },
    frontend: { authorization: '{{frontendToken}}' },
    badtoken: { authorization: '*:*.0000000000000000000000000000000000000000000000000000' },
};

/** Values saved on the way. Strings may use them as `{{name}}`; a string that is only that keeps the type.
 *  A function is called when its step is played, for what depends on the clock. */
export class Memory {
    constructor(values) {
        this.values = new Map(Object.entries(values));
    }

    fill(value) {
        if (typeof value === 'function') return value();
        if (typeof value === 'string') {
            const whole = /^\{\{(\w+)\}\}$/.exec(value);
            if (whole) return this.#get(whole[1]);
            return value.replace(/\{\{(\w+)(\|path)?\}\}/g, (_, name, path) =>
                path ? encodeURIComponent(this.#get(name)) : this.#get(name));
        }
        if (Array.isArray(value)) return value.map((item) => this.fill(item));
        if (value && typeof value === 'object' && !(value instanceof Buffer)) {
            return Object.fromEntries(Object.entries(value).map(([k, v]) => [this.fill(k), this.fill(v)]));
        }
        return value;
    }

    #get(name) {
        if (!this.values.has(name)) throw new Error(`no step has saved {{${name}}}`);
        return this.values.get(name);
    }
}

/** Follows a path such as `$.tokens[0].secret`, `header.etag`, `status` or `cookie`. */
export function pick(answer, path) {
    if (path === 'status') return answer.status;
    if (path === 'cookie') return answer.cookies.map((c) => c.split(';')[0]).join('; ');
    if (path.startsWith('header.')) return answer.headers[path.slice('header.'.length)];
    let value = answer.json;
    for (const [, key, index, field, wanted] of path.replace(/^\$/, '')
        .matchAll(/\.([\w-]+)|\[(\d+)\]|\[([\w-]+)=([^\]]+)\]/g)) {
        if (value === undefined || value === null) return undefined;
        if (key !== undefined) value = value[key];
        else if (index !== undefined) value = value[Number(index)];
        else value = value.find?.((item) => String(item[field]) === wanted);
    }
    return value;
}

function headersOf(step, memory) {
    const own = step.headers ?? {};
    const caller = PRINCIPALS[step.as];
    if (!caller) throw new Error(`unknown principal ${step.as}`);
    const headers = { ...memory.fill(caller), ...memory.fill(own) };
    if ((step.body !== undefined || step.raw !== undefined) && !('content-type' in headers)) headers['content-type'] = 'application/json';
    for (const [name, value] of Object.entries(headers)) if (value === null) delete headers[name];
    return headers;
}

function bodyOf(step, memory) {
    if (step.raw !== undefined) return Buffer.isBuffer(step.raw) ? step.raw : memory.fill(step.raw);
    return step.body === undefined ? undefined : JSON.stringify(memory.fill(step.body));
}

function holds(answer, until) {
    const value = pick(answer, until.path);
    if ('equals' in until) return value === until.equals;
    if (until.missing) return answer.status === 200 && value === undefined;
    if ('atLeast' in until) return (Array.isArray(value) ? value.length : value) >= until.atLeast;
    return value !== undefined && value !== null;
}

/** Asks once, or again and again until the answer is the one the step waits for. */
async function ask(server, base, step, memory) {
    const sent = {
        method: step.method,
        path: memory.fill(step.path),
        headers: headersOf(step, memory),
        body: bodyOf(step, memory),
    };
    const deadline = Date.now() + UNTIL_MS_MAX;
    for (;;) {
        const answer = await request(base, sent);
        if (!step.until || (step.until.only ?? server) !== server || holds(answer, step.until)) return { sent, answer };
        if (Date.now() > deadline) return { sent, answer, late: true };
        await new Promise((done) => setTimeout(done, UNTIL_PAUSE_MS));
    }
}

/** What is counted by the hour must not be counted in two: waits for the next hour when little of this one is left. */
async function untilHourHas(ms) {
    const left = HOUR_MS - (Date.now() % HOUR_MS);
    if (left < ms) await new Promise((done) => setTimeout(done, left));
}

/** Plays one step and saves what later steps need. A value that cannot be saved is a fault of the step. */
export async function play(server, base, step, memory) {
    if (step.hourLeftMs) await untilHourHas(step.hourLeftMs);
    const exchange = await ask(server, base, step, memory).catch((error) => ({ error: String(error.message ?? error) }));
    if (exchange.error) return exchange;
    for (const [name, path] of Object.entries(step.save ?? {})) {
        const value = pick(exchange.answer, path);
        if (value === undefined || value === null || value === '') {
            exchange.error ??= `nothing to save at ${path} (status ${exchange.answer.status})`;
        } else {
            memory.values.set(name, value);
        }
    }
    if (exchange.late) exchange.error ??= `still waiting for ${JSON.stringify(step.until)} after ${UNTIL_MS_MAX} ms`;
    return exchange;
}

/** Whether the location of what was made is a path that can be asked by who made it. */
export async function locationAnswers(base, step, answer, memory) {
    if (answer?.status !== 201 || answer.headers.location === undefined) return true;
    const { authorization, cookie } = headersOf({ ...step, body: undefined, raw: undefined }, memory);
    const headers = Object.fromEntries(Object.entries({ authorization, cookie }).filter(([, value]) => value));
    if (!answer.headers.location.startsWith('/')) return false;
    return (await request(base, { method: 'GET', path: answer.headers.location, headers })).status === 200;
}
