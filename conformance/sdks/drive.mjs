#!/usr/bin/env node
//! Runs the official SDKs against a server: each sees every kind of flag, sees a change, and its metrics arrive.
//! An SDK is a program that reads questions and writes answers, one JSON value per line.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Admin, makeFixture } from './fixture.mjs';

const USAGE = 'usage: drive.mjs BASE_URL ADMIN_TOKEN SDK_URL NAME=COMMAND… (SDK_URL: what the SDKs are told, BASE_URL or an edge of it)';
/** Those that are given a frontend token, because they run where everybody can read it. */
const IN_BROWSERS = ['browser', 'ofrep-web'];
/** OpenFeature's clients get values, without the type of a payload, and send no metrics. */
const isOpenFeature = (name) => name.startsWith('ofrep-');
const READY_MS_MAX = 20_000;
const ANSWER_MS_MAX = 10_000;
/** The refresh interval is 1 s; the rest is for the reference, which looks for changes once a second. */
const CHANGE_MS_MAX = 6_000;
/** SDKs send once a second; the reference keeps metrics for some seconds before it stores them. */
const METRICS_MS_MAX = 30_000;
const METRICS_COUNT = 3;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Sdk {
    constructor(name, command, env) {
        this.name = name;
        this.child = spawn('/bin/sh', ['-c', `exec ${command}`], { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
        this.waiting = [];
        this.child.on('exit', (code) => this.#end(new Error(`${name} ended with code ${code}`)));
        this.child.stdin.on('error', () => {});
        createInterface({ input: this.child.stdout }).on('line', (line) => this.waiting.shift()?.resolve(line));
    }

    #end(error) {
        this.ended = error;
        for (const { reject } of this.waiting.splice(0)) reject(error);
    }

    #line(ms) {
        if (this.ended) return Promise.reject(this.ended);
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`${this.name} is silent for ${ms} ms`)), ms);
            this.waiting.push({
                resolve: (line) => { clearTimeout(timer); resolve(JSON.parse(line)); },
                reject: (error) => { clearTimeout(timer); reject(error); },
            });
        });
    }

    ready() {
        return this.#line(READY_MS_MAX);
    }

    ask(flag, context) {
        const answer = this.#line(ANSWER_MS_MAX);
        this.child.stdin.write(`${JSON.stringify({ flag, context })}\n`);
        return answer;
    }

    async stop() {
        if (this.ended) return;
        const gone = new Promise((done) => this.child.on('exit', done));
        this.child.stdin.end();
        await Promise.race([gone, pause(ANSWER_MS_MAX)]);
        this.child.kill();
    }
}

/** What an SDK says of a variant, without fields that only some SDKs have. */
const variantOf = (v, typed) => ({
    name: v.name,
    payload: v.payload && Object.keys(v.payload).length ? { type: typed ? v.payload.type : undefined, value: v.payload.value } : undefined,
});

async function seesEveryKind(sdk, fixture) {
    const faults = [];
    const left = [];
    let count = 0;
    for (const { kind, flag, context, enabled, variant, except } of fixture.cases) {
        if (except?.[sdk.name]) {
            left.push(`${kind} ${JSON.stringify(context)}: ${except[sdk.name]}`);
            continue;
        }
        count += 1;
        const answer = await sdk.ask(flag, context);
        const asked = `${kind} ${JSON.stringify(context)}`;
        if (answer.enabled !== enabled) faults.push(`${asked}: expected ${enabled}, got ${answer.enabled}`);
        else if (variant) {
            const [expected, got] = [variant, answer.variant].map((v) => JSON.stringify(variantOf(v, !isOpenFeature(sdk.name))));
            if (expected !== got) faults.push(`${asked}: expected the variant ${expected}, got ${got}`);
        }
    }
    return { count, faults, left };
}

async function seesChange(sdk, admin, flag) {
    for (const [verb, enabled] of [['on', true], ['off', false]]) {
        await admin.must('POST', `/api/admin/projects/default/features/${flag}/environments/development/${verb}`);
        const started = Date.now();
        while ((await sdk.ask(flag, {})).enabled !== enabled) {
            if (Date.now() - started > CHANGE_MS_MAX) return [`does not see ${flag} ${verb} within ${CHANGE_MS_MAX} ms`];
            await pause(100);
        }
    }
    return [];
}

async function metricsArrive(sdk, admin, flag, appName) {
    for (let i = 0; i < METRICS_COUNT; i += 1) await sdk.ask(flag, {});
    const started = Date.now();
    for (;;) {
        const usage = await admin.must('GET', `/api/admin/client-metrics/features/${flag}`);
        const raw = await admin.must('GET', `/api/admin/client-metrics/features/${flag}/raw`);
        const yes = raw.data.filter((row) => row.appName === appName).reduce((sum, row) => sum + row.yes, 0);
        if (usage.seenApplications.includes(appName) && yes >= METRICS_COUNT) return [];
        if (Date.now() - started > METRICS_MS_MAX) return [`metrics of ${flag} do not arrive: ${JSON.stringify(usage)}, ${yes} times yes`];
        await pause(500);
    }
}

async function run(name, command, url, admin, fixture) {
    const frontend = IN_BROWSERS.includes(name);
    const appName = `${fixture.prefix}-${name}`;
    const sdk = new Sdk(name, command, {
        SDK_URL: url,
        SDK_TOKEN: frontend ? fixture.frontendToken : fixture.backendToken,
        SDK_APP_NAME: appName,
    });
    try {
        await sdk.ready();
        const { count, faults, left } = await seesEveryKind(sdk, fixture);
        faults.push(...await seesChange(sdk, admin, fixture.name(`switch-${name}`)));
        if (isOpenFeature(name)) return { count: count + 1, faults, left: [...left, 'metrics: OFREP has none'] };
        faults.push(...await metricsArrive(sdk, admin, fixture.name(`metrics-${name}`), appName));
        return { count: count + 2, faults, left };
    } catch (error) {
        return { count: 1, faults: [String(error.message)], left: [] };
    } finally {
        await sdk.stop();
    }
}

const [base, token, url, ...commands] = process.argv.slice(2);
if (!base || !token || !url || commands.length === 0) {
    console.error(USAGE);
    process.exit(2);
}
const sdks = commands.map((text) => {
    const at = text.indexOf('=');
    return [text.slice(0, at), text.slice(at + 1)];
});
const admin = new Admin(base.replace(/\/$/, ''), token);
const fixture = await makeFixture(admin, sdks.map(([name]) => name));
await pause(3_000); // The reference serves a change to the frontend API after its next look at the database.
let [passed, failed] = [0, 0];
for (const [name, command] of sdks) {
    const { count, faults, left } = await run(name, command, url.replace(/\/$/, ''), admin, fixture);
    passed += count - faults.length;
    failed += faults.length;
    console.log(`${faults.length === 0 ? 'ok  ' : 'FAIL'} ${name}: ${count} checks, ${faults.length} faults`);
    for (const line of left) console.log(`  ${name}: left out: ${line}`);
    for (const fault of faults) console.log(`  ${name}: ${fault}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
