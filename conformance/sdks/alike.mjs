//! What Flagstone accepts, the Node SDK evaluates as our engine does: alike.mjs FILE, with lines of a delivered document,
//! contexts, and what is on for each, as `tests/it/alike.rs` writes them.
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { InMemStorageProvider, Unleash } = createRequire(`${process.env.SDK_NODE_FOLDER}/`)('unleash-client');
let document;
const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${server.address().port}/`;

const FIELDS = ['userId', 'sessionId', 'currentTime', 'remoteAddress'];
const contextOf = (pairs) => {
    const standard = Object.entries(pairs).filter(([name]) => FIELDS.includes(name));
    const properties = Object.entries(pairs).filter(([name]) => !FIELDS.includes(name));
    const context = { ...Object.fromEntries(standard), properties: Object.fromEntries(properties) };
    return { ...context, currentTime: new Date(context.currentTime) };
};

let evaluations = 0;
let on = 0;
const faults = [];
for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
    const { names, rows, ...rest } = JSON.parse(line);
    document = rest.document;
    const unleash = new Unleash({
        url,
        appName: 'alike',
        refreshInterval: 3_600_000,
        disableMetrics: true,
        skipInstanceCountWarning: true,
        storageProvider: new InMemStorageProvider(),
    });
    unleash.on('error', (error) => faults.push(`unleash-client: ${error.message}`));
    await new Promise((done) => unleash.once('synchronized', done));
    for (const { context, on: expected } of rows) {
        for (const name of names) {
            const enabled = unleash.isEnabled(name, contextOf(context));
            const variant = enabled ? unleash.getVariant(name, contextOf(context)).name : undefined;
            evaluations += 1;
            on += enabled ? 1 : 0;
            if (variant !== expected[name]) {
                const flag = document.features.find((feature) => feature.name === name);
                faults.push(`${JSON.stringify({ flag: flag.strategies, context, expected: expected[name], variant })}`);
            }
        }
    }
    unleash.destroy();
}
server.close();
console.log(`alike: ${evaluations} evaluations by the Node SDK, ${on} of them on, ${faults.length} disagreements`);
faults.slice(0, 10).forEach((fault) => console.error(fault));
process.exit(faults.length === 0 && on > evaluations / 20 ? 0 : 1);
