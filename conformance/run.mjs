#!/usr/bin/env node
//! Plays every scenario against the reference server and against Flagstone, and compares the answers.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { differences, normalize } from './lib/compare.mjs';
import { explain, readKnown, unused } from './lib/known.mjs';
import { Memory, locationAnswers, play } from './lib/play.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const USAGE = `usage: run.mjs --reference URL --flagstone URL [options]
  --admin-token TOKEN     an admin token both servers accept (default *:*.conformance-admin)
  --admin-password TEXT   the password of the user "admin" on both (default unleash4all)
  --only NAME[,NAME]      play only these scenarios (unused known differences are then no failure)
  --record DIR            write every exchange, unmasked, to DIR/<server>/<scenario>.json
  --report FILE           write the differences as Markdown
  --twins                 both URLs are the same program: tests the comparison itself
With only one of the two URLs nothing is compared: the scenarios are played and, with --record, written down.`;

const { values: options } = parseArgs({ options: {
    reference: { type: 'string' },
    flagstone: { type: 'string' },
    'admin-token': { type: 'string', default: '*:*.conformance-admin' },
    'admin-password': { type: 'string', default: 'unleash4all' },
    only: { type: 'string' },
    record: { type: 'string' },
    report: { type: 'string' },
    twins: { type: 'boolean' },
    help: { type: 'boolean' },
} });
const servers = ['reference', 'flagstone'].filter((name) => options[name]);
if (options.help || servers.length === 0) {
    console.error(USAGE);
    process.exit(options.help ? 0 : 2);
}

async function scenarios() {
    const only = options.only?.split(',');
    const files = readdirSync(join(HERE, 'scenarios')).filter((f) => f.endsWith('.mjs') && !f.startsWith('_')).sort();
    const all = [];
    for (const file of files) {
        const name = file.replace(/\.mjs$/, '');
        if (only && !only.includes(name)) continue;
        const { default: steps } = await import(pathToFileURL(join(HERE, 'scenarios', file)));
        const names = new Set();
        for (const step of steps) {
            if (names.has(step.name)) throw new Error(`${name}: two steps are called "${step.name}"`);
            names.add(step.name);
        }
        all.push({ name, steps });
    }
    return all;
}

/** Users and tokens every scenario may act as; the same on both servers. */
async function principals(memories) {
    const { default: steps } = await import(pathToFileURL(join(HERE, 'scenarios', '_principals.mjs')));
    for (const step of steps) {
        for (const server of servers) {
            const { error } = await play(server, options[server], step, memories[server]);
            if (error) throw new Error(`${server}: ${step.name}: ${error}`);
        }
    }
}

function record(server, scenario, exchanges) {
    if (!options.record) return;
    const folder = join(options.record, server);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${scenario}.json`), `${JSON.stringify(exchanges, null, 2)}\n`);
}

const written = ({ step, sent, answer, error }) => ({
    step: step.name,
    as: step.as,
    request: sent && { ...sent, body: step.raw === undefined ? step.body && JSON.parse(sent.body) : String(sent.body).slice(0, 500) },
    status: answer?.status,
    headers: answer?.headers,
    cookies: answer?.cookies.length ? answer.cookies : undefined,
    body: answer?.json ?? answer?.text,
    error,
});

async function playBoth(scenario, memories, known) {
    const exchanges = { reference: [], flagstone: [] };
    const found = [];
    for (const step of scenario.steps) {
        const played = {};
        await Promise.all(servers.map(async (server) => {
            played[server] = await play(server, options[server], step, memories[server]);
            exchanges[server].push({ step, ...played[server] });
        }));
        found.push(...judge(scenario, step, played, memories, known));
        if (played.flagstone && !options.twins && !await locationAnswers(options.flagstone, step, played.flagstone.answer, memories.flagstone)) {
            const id = `${scenario.name}/${step.name}`;
            found.push({ id, step, played, path: 'location', flagstone: 'a GET on it does not answer 200', known: explain(known, id, 'location') });
        }
    }
    for (const server of servers) record(server, scenario.name, exchanges[server].map(written));
    return found;
}

function judge(scenario, step, played, memories, known) {
    const id = `${scenario.name}/${step.name}`;
    const row = (diff) => ({ id, step, played, ...diff, known: explain(known, id, diff.path) });
    const faults = servers.filter((server) => played[server].error)
        .map((server) => row({ path: `${server}.error`, [server]: played[server].error }));
    if (servers.length < 2 || servers.some((server) => !played[server].answer)) return faults;
    const [reference, flagstone] = servers.map((server) =>
        normalize(played[server].answer, memories[server], step));
    return [...faults, ...differences(reference, flagstone, options.twins).map(row)];
}

const shown = (v) => (v === undefined ? 'nothing' : JSON.stringify(v));
const clipped = (v, max) => (v.length > max ? `${v.slice(0, max)}…` : v);

function report(found) {
    const lines = ['# Differences', ''];
    for (const id of new Set(found.map((d) => d.id))) {
        const rows = found.filter((d) => d.id === id);
        const { step, played } = rows[0];
        lines.push(`## ${id}`, '', `\`${step.method} ${step.path}\` as ${step.as}`
            + (step.body === undefined ? '' : `, body \`${clipped(JSON.stringify(step.body), 300)}\``), '');
        for (const { path, reference, flagstone, known } of rows) {
            lines.push(`- \`${path}\`: reference ${clipped(shown(reference), 400)} · flagstone ${clipped(shown(flagstone), 400)}`
                + (known ? ` · known: ${known.id}` : ''));
        }
        for (const server of servers) {
            const answer = played[server].answer;
            if (answer) lines.push(`- ${server}: ${answer.status} \`${clipped(answer.text, 600)}\``);
        }
        lines.push('');
    }
    return `${lines.join('\n')}\n`;
}

const started = Date.now();
const known = readKnown(join(HERE, 'known-differences.md'));
const memories = Object.fromEntries(servers.map((server) => [server, new Memory({
    adminToken: options['admin-token'],
    adminPassword: options['admin-password'],
})]));
await principals(memories);
let pairs = 0;
const found = [];
for (const scenario of await scenarios()) {
    const before = found.length;
    found.push(...await playBoth(scenario, memories, known));
    pairs += scenario.steps.length;
    const open = found.slice(before).filter((d) => !d.known);
    console.log(`${open.length === 0 ? 'ok  ' : 'FAIL'} ${scenario.name}: ${scenario.steps.length} pairs, `
        + `${open.length} unexplained differences in ${new Set(open.map((d) => d.id)).size} of them`);
}
if (options.report) writeFileSync(options.report, report(found));
const open = found.filter((d) => !d.known);
for (const d of open.slice(0, 200)) {
    console.log(`  ${d.id}: ${d.path}: reference ${clipped(shown(d.reference), 160)}, flagstone ${clipped(shown(d.flagstone), 160)}`);
}
const idle = servers.length === 2 && !options.only && !options.twins ? unused(known) : [];
for (const { entry, rule } of idle) {
    console.log(`  known-differences.md:${rule.line}: ${entry.id}: \`${rule.step}\` \`${rule.path}\` explains nothing any more: remove it`);
}
console.log(`${pairs} pairs, ${open.length} unexplained differences, ${found.length - open.length} known, `
    + `${idle.length} unused entries, ${((Date.now() - started) / 1000).toFixed(1)} s`);
const failed = new Set(open.map((d) => d.id)).size + idle.length;
console.log(`${pairs - new Set(open.map((d) => d.id)).size} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
