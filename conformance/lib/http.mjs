//! One HTTP exchange, with nothing added, followed or decoded behind the test's back.
import http from 'node:http';

/** A connection of its own for each request: a server may end one after it has refused a body. */
const agent = new http.Agent({ keepAlive: false });
const ANSWER_MS_MAX = 30_000;
/** A server that refuses a big body closes before it is sent; whether the answer is read first is a race. */
const TRIES_MAX = 5;

export async function request(base, asked) {
    for (let tries = 1; ; tries += 1) {
        try {
            return await once(base, asked);
        } catch (error) {
            if (tries === TRIES_MAX || !['EPIPE', 'ECONNRESET'].includes(error.code)) throw error;
        }
    }
}

function once(base, { method, path, headers, body }) {
    return new Promise((resolve, reject) => {
        const url = new URL(base);
        const bytes = body === undefined ? undefined : Buffer.from(body);
        const sent = http.request({
            agent,
            host: url.hostname,
            port: url.port,
            method,
            path: url.pathname.replace(/\/$/, '') + path,
            headers: bytes ? { ...headers, 'content-length': bytes.length } : headers,
            timeout: ANSWER_MS_MAX,
        }, (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => resolve(read(response, Buffer.concat(chunks))));
        });
        sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)));
        sent.on('error', reject);
        sent.end(bytes);
    });
}

function read(response, bytes) {
    const text = bytes.toString('utf8');
    const headers = { ...response.headers };
    const cookies = headers['set-cookie'] ?? [];
    delete headers['set-cookie'];
    let json;
    if (/json/.test(headers['content-type'] ?? '')) {
        try {
            json = JSON.parse(text);
        } catch {
            json = undefined;
        }
    }
    return { status: response.statusCode, headers, cookies, text, json };
}
