//! Answers questions with npm @openfeature/ofrep-provider, which asks /ofrep/v1/evaluate/flags/{key} about each.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { answer, contextOf } from './details.mjs';

const require = createRequire(`${process.env.SDK_NODE_FOLDER}/`);
const { OpenFeature } = require('@openfeature/server-sdk');
const { OFREPProvider } = require('@openfeature/ofrep-provider');

await OpenFeature.setProviderAndWait(new OFREPProvider({
    baseUrl: process.env.SDK_URL,
    headers: [['Authorization', `Bearer ${process.env.SDK_TOKEN}`]],
}));
const client = OpenFeature.getClient();
console.log('{"ready":true}');
for await (const line of createInterface({ input: process.stdin })) {
    const { flag, context } = JSON.parse(line);
    client.setContext(contextOf(context));
    console.log(JSON.stringify(await answer(client, flag)));
}
await OpenFeature.close();
