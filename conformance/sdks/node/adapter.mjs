//! Answers questions with npm unleash-client, which evaluates by itself what it gets from /api/client/features, or as
//! SDK_MODE says from /api/client/streaming or /api/client/delta.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { InMemStorageProvider, Unleash } = createRequire(`${process.env.SDK_NODE_FOLDER}/`)('unleash-client');
const MODES = { streaming: { type: 'streaming' }, delta: { type: 'polling', format: 'delta' } };
const unleash = new Unleash({
    url: `${process.env.SDK_URL}/api`,
    appName: process.env.SDK_APP_NAME,
    customHeaders: { Authorization: process.env.SDK_TOKEN },
    refreshInterval: 1000,
    metricsInterval: 1000,
    experimentalMode: MODES[process.env.SDK_MODE],
    storageProvider: new InMemStorageProvider(),
});
unleash.on('error', (error) => console.error(`unleash-client: ${error.message}`));
await new Promise((done) => unleash.once('synchronized', done));
console.log('{"ready":true}');
for await (const line of createInterface({ input: process.stdin })) {
    const { flag, context } = JSON.parse(line);
    console.log(JSON.stringify({ enabled: unleash.isEnabled(flag, context), variant: unleash.getVariant(flag, context) }));
}
await unleash.destroyWithFlush();
