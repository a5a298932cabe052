//! Asks a Flagstone for features with many HTTP clients, in every coding that each can read, and compares what arrives:
//!   run.mjs BASE_URL ADMIN_TOKEN
//! Compressed answers are put together from pieces that were compressed one by one; a client that reads the first
//! alone, or minds where one ends, would show here. The answer is large, of several projects, and little of it repeats.
import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const [base, admin] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);
const CODINGS = ['identity', 'gzip', 'br', 'zstd'];

async function ask(method, path, body) {
    const headers = { authorization: admin, 'content-type': 'application/json' };
    const answer = await fetch(`${base}${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.headers.get('content-length') === '0' ? undefined : answer.json().catch(() => undefined);
}

async function fill() {
    for (const project of ['clients-a', 'clients-b', 'clients-c']) {
        await ask('POST', '/api/admin/projects', { id: project, name: project });
        const features = Array.from({ length: 400 }, (_, n) => ({
            name: `${project}-${n}`,
            description: `ünïcode ${randomBytes(600).toString('base64')}`,
        }));
        const data = { features, featureStrategies: [], featureEnvironments: [], featureTags: [], tagTypes: [], contextFields: [], segments: [], dependencies: [] };
        await ask('POST', '/api/admin/features-batch/import', { project, environment: 'development', data });
    }
    const token = { tokenName: 'clients', type: 'backend', environment: 'development', projects: ['*'] };
    return (await ask('POST', '/api/admin/api-tokens', token)).secret;
}

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
const has = (program) => {
    try {
        execFileSync('which', [program], { stdio: 'ignore' });
        return true;
    } catch {
        return false;
    }
};

/** The digest of what each client makes of the answer: by client, a function of the coding; nothing where it has none. */
function clients(url, token) {
    const headers = (coding) => ({ authorization: token, 'unleash-client-spec': '5.2.0', 'accept-encoding': coding });
    return {
        // This Node.js reads no zstd.
        'node-fetch': async (coding) =>
            coding === 'zstd' ? null : digest(Buffer.from(await (await fetch(url, { headers: headers(coding) })).arrayBuffer())),
        curl: async (coding) => {
            const features = execFileSync('curl', ['--version']).toString();
            const needed = { identity: '', gzip: 'libz', br: 'brotli', zstd: 'zstd' }[coding];
            if (!features.includes(needed)) return null;
            const given = Object.entries(headers(coding)).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
            const options = { encoding: 'buffer', maxBuffer: 1 << 28 };
            return digest((await run('curl', ['-sS', '--fail', '--compressed', ...given, url], options)).stdout);
        },
        'python-requests': async (coding) =>
            (await run(process.env.CLIENTS_PYTHON, [join(here, 'client.py'), url, token, coding])).stdout.trim(),
        'java-http': async (coding) => {
            if (!has('java') || ['br', 'zstd'].includes(coding)) return null;
            return (await run('java', [join(here, 'Client.java'), url, token, coding])).stdout.trim();
        },
        chromium: async (coding) => {
            const browser = process.env.CHROMIUM ?? (has('chromium') ? 'chromium' : null);
            return browser ? byBrowser(browser, url, headers(coding)) : null;
        },
    };
}

/** A page that fetches the answer: it is passed on to the browser byte for byte, in its coding. */
async function byBrowser(browser, url, headers) {
    const { request } = await import(url.startsWith('https:') ? 'node:https' : 'node:http');
    const page = `<body><script>
        fetch('/features').then((answer) => answer.arrayBuffer()).then((bytes) => crypto.subtle.digest('SHA-256', bytes))
            .then((digest) => [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join(''))
            .catch((error) => String(error)).then((text) => { document.body.textContent = 'digest:' + text + ';'; });
    </script>`;
    const server = createServer((asked, answer) => {
        if (asked.url !== '/features') {
            answer.setHeader('content-type', 'text/html');
            answer.end(asked.url === '/' ? page : '');
            return;
        }
        request(url, { headers }, (from) => {
            answer.writeHead(from.statusCode, from.headers);
            from.pipe(answer);
        }).end();
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const profile = mkdtempSync(join(tmpdir(), 'clients-'));
    try {
        const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];
        flags.push('--disable-background-networking', '--disable-component-update', '--virtual-time-budget=20000');
        const address = `http://127.0.0.1:${server.address().port}/`;
        const { stdout } = await run(browser, [...flags, `--user-data-dir=${profile}`, '--dump-dom', address], { timeout: 60_000 });
        return stdout.match(/digest:(.*?);/)?.[1] ?? `no digest in ${stdout}`;
    } finally {
        server.close();
        rmSync(profile, { recursive: true, force: true });
    }
}

const token = await fill();
const url = `${base}/api/client/features`;
const plain = Buffer.from(await (await fetch(url, { headers: { authorization: token, 'unleash-client-spec': '5.2.0', 'accept-encoding': 'identity' } })).arrayBuffer());
const expected = digest(plain);
const names = JSON.parse(plain).features.filter((feature) => feature.name.startsWith('clients-'));
if (names.length !== 1_200) throw new Error(`there are ${names.length} features`);
let wrong = 0;
for (const [name, client] of Object.entries(clients(url, token))) {
    const read = [];
    for (const coding of CODINGS) {
        const found = await client(coding);
        if (found === null) continue;
        if (found === expected) read.push(coding);
        else {
            wrong += 1;
            console.error(`${name} reads something else of ${coding}: ${found}`);
        }
    }
    if (read.length) console.log(`${name}: ${read.join(', ')}`);
}
console.log(`${plain.length} bytes of features, ${wrong} answers that were read wrongly`);
process.exit(wrong ? 1 : 0);
