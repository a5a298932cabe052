//! Answers questions with npm @openfeature/ofrep-web-provider, which asks /ofrep/v1/evaluate/flags whenever its context
//! changes, and polls it.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { answer, contextOf } from './details.mjs';

const require = createRequire(`${process.env.SDK_NODE_FOLDER}/`);
const { OpenFeature } = require('@openfeature/web-sdk');
const { OFREPWebProvider } = require('@openfeature/ofrep-web-provider');

await OpenFeature.setProviderAndWait(new OFREPWebProvider({
    baseUrl: process.env.SDK_URL,
    headers: [['Authorization', `Bearer ${process.env.SDK_TOKEN}`]],
    pollInterval: 500,
}));
const client = OpenFeature.getClient();
console.log('{"ready":true}');
let last = '{}';
for await (const line of createInterface({ input: process.stdin })) {
    const { flag, context } = JSON.parse(line);
    if (JSON.stringify(context) !== last) await OpenFeature.setContext(contextOf(context));
    last = JSON.stringify(context);
    console.log(JSON.stringify(await answer(client, flag)));
}
await OpenFeature.close();
