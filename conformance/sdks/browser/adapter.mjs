//! Answers questions with npm unleash-proxy-client, which asks /api/frontend whenever its context changes.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { InMemoryStorageProvider, UnleashClient } = createRequire(`${process.env.SDK_NODE_FOLDER}/`)('unleash-proxy-client');
const unleash = new UnleashClient({
    url: `${process.env.SDK_URL}/api/frontend`,
    clientKey: process.env.SDK_TOKEN,
    appName: process.env.SDK_APP_NAME,
    refreshInterval: 1,
    metricsInterval: 1,
    metricsIntervalInitial: 1,
    fetch,
    storageProvider: new InMemoryStorageProvider(),
});
unleash.on('error', (error) => console.error(`unleash-proxy-client: ${error?.message ?? JSON.stringify(error)}`));
await unleash.start();
console.log('{"ready":true}');
let last = '{}';
for await (const line of createInterface({ input: process.stdin })) {
    const { flag, context } = JSON.parse(line);
    if (JSON.stringify(context) !== last) await unleash.updateContext(context);
    last = JSON.stringify(context);
    console.log(JSON.stringify({ enabled: unleash.isEnabled(flag), variant: unleash.getVariant(flag) }));
}
unleash.stop();
process.exit(0);
