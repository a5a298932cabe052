/** What a snippet is filled with. */
export type Fill = {
  /** Where Flagstone is, without a slash at the end. */
  url: string;
  token: string;
  feature: string;
};

export type Sdk = {
  id: string;
  name: string;
  /** What runs on people's devices gets answers for one context alone; servers evaluate themselves. */
  side: 'backend' | 'frontend';
  install: string;
  snippet: (fill: Fill) => string;
};

/** In the order in which they are offered. Each snippet runs as it is: it asks for the feature and shows the answer. */
export const sdks: Sdk[] = [
  {
    id: 'node',
    name: 'Node.js',
    side: 'backend',
    install: 'npm install unleash-client',
    snippet: ({ url, token, feature }) => `import { initialize } from 'unleash-client';

const unleash = initialize({
  url: '${url}/api',
  appName: 'my-app',
  customHeaders: { Authorization: '${token}' },
});

unleash.on('synchronized', () => {
  console.log('${feature} is', unleash.isEnabled('${feature}', { userId: '1' }) ? 'on' : 'off');
});`,
  },
  {
    id: 'browser',
    name: 'Browser',
    side: 'frontend',
    install: 'npm install unleash-proxy-client',
    snippet: ({ url, token, feature }) => `import { UnleashClient } from 'unleash-proxy-client';

const unleash = new UnleashClient({
  url: '${url}/api/frontend',
  clientKey: '${token}',
  appName: 'my-app',
  context: { userId: '1' },
});

unleash.on('ready', () => {
  console.log('${feature} is', unleash.isEnabled('${feature}') ? 'on' : 'off');
});
unleash.start();`,
  },
  {
    id: 'react',
    name: 'React',
    side: 'frontend',
    install: 'npm install @unleash/proxy-client-react unleash-proxy-client',
    snippet: ({ url, token, feature }) => `import { FlagProvider, useFlag } from '@unleash/proxy-client-react';

const config = {
  url: '${url}/api/frontend',
  clientKey: '${token}',
  appName: 'my-app',
  context: { userId: '1' },
};

function Answer() {
  return <p>${feature} is {useFlag('${feature}') ? 'on' : 'off'}</p>;
}

export default function App() {
  return (
    <FlagProvider config={config}>
      <Answer />
    </FlagProvider>
  );
}`,
  },
  {
    id: 'python',
    name: 'Python',
    side: 'backend',
    install: 'pip install UnleashClient',
    snippet: ({ url, token, feature }) => `from UnleashClient import UnleashClient

client = UnleashClient(
    url="${url}/api",
    app_name="my-app",
    custom_headers={"Authorization": "${token}"},
)
client.initialize_client()

print("${feature} is", "on" if client.is_enabled("${feature}", {"userId": "1"}) else "off")`,
  },
  {
    id: 'java',
    name: 'Java',
    side: 'backend',
    install: 'implementation("io.getunleash:unleash-client-java:11.+")',
    snippet: ({ url, token, feature }) => `import io.getunleash.DefaultUnleash;
import io.getunleash.Unleash;
import io.getunleash.UnleashContext;
import io.getunleash.util.UnleashConfig;

UnleashConfig config = UnleashConfig.builder()
    .appName("my-app")
    .instanceId("instance-1")
    .unleashAPI("${url}/api")
    .apiKey("${token}")
    .synchronousFetchOnInitialisation(true)
    .build();
Unleash unleash = new DefaultUnleash(config);

UnleashContext context = UnleashContext.builder().userId("1").build();
System.out.println("${feature} is " + (unleash.isEnabled("${feature}", context) ? "on" : "off"));`,
  },
  {
    id: 'go',
    name: 'Go',
    side: 'backend',
    install: 'go get github.com/Unleash/unleash-client-go/v4',
    snippet: ({ url, token, feature }) => `package main

import (
	"fmt"
	"net/http"

	"github.com/Unleash/unleash-client-go/v4"
	"github.com/Unleash/unleash-client-go/v4/context"
)

func main() {
	unleash.Initialize(
		unleash.WithListener(&unleash.DebugListener{}),
		unleash.WithAppName("my-app"),
		unleash.WithUrl("${url}/api/"),
		unleash.WithCustomHeaders(http.Header{"Authorization": {"${token}"}}),
	)
	unleash.WaitForReady()

	user := unleash.WithContext(context.Context{UserId: "1"})
	fmt.Println("${feature} is on:", unleash.IsEnabled("${feature}", user))
}`,
  },
  {
    id: 'rust',
    name: 'Rust',
    side: 'backend',
    install: 'cargo add unleash-api-client --features reqwest-client && cargo add tokio --features full',
    snippet: ({ url, token, feature }) => `use unleash_api_client::client::{ClientBuilder, FeatureKey};

#[allow(non_camel_case_types)]
#[derive(Debug, Clone, Copy, FeatureKey)]
enum Features {
    default,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let client = ClientBuilder::default().enable_string_features().into_client::<Features>(
        "${url}/api",
        "my-app",
        "instance-1",
        Some("${token}".to_owned()),
    )?;
    client.register().await?;
    let (_, ()) = tokio::join!(client.poll_for_updates(), async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        println!("${feature} is on: {}", client.is_enabled_str("${feature}", None, false));
        client.stop_poll().await;
    });
    Ok(())
}`,
  },
  {
    id: 'dotnet',
    name: '.NET',
    side: 'backend',
    install: 'dotnet add package Unleash.Client',
    snippet: ({ url, token, feature }) => `using Unleash;
using Unleash.ClientFactory;

var settings = new UnleashSettings
{
    AppName = "my-app",
    UnleashApi = new Uri("${url}/api/"),
    CustomHttpHeaders = new Dictionary<string, string> { ["Authorization"] = "${token}" },
};
var unleash = await new UnleashClientFactory().CreateClientAsync(settings, synchronousInitialization: true);

var context = new UnleashContext { UserId = "1" };
Console.WriteLine("${feature} is " + (unleash.IsEnabled("${feature}", context) ? "on" : "off"));`,
  },
  {
    id: 'ruby',
    name: 'Ruby',
    side: 'backend',
    install: 'gem install unleash',
    snippet: ({ url, token, feature }) => `require 'unleash'

unleash = Unleash::Client.new(
  url: '${url}/api',
  app_name: 'my-app',
  custom_http_headers: { 'Authorization': '${token}' }
)
sleep 1

context = Unleash::Context.new(user_id: '1')
puts "${feature} is #{unleash.is_enabled?('${feature}', context) ? 'on' : 'off'}"`,
  },
  {
    id: 'php',
    name: 'PHP',
    side: 'backend',
    install: 'composer require unleash/client guzzlehttp/guzzle symfony/cache',
    snippet: ({ url, token, feature }) => `<?php
require 'vendor/autoload.php';

use Unleash\\Client\\Configuration\\UnleashContext;
use Unleash\\Client\\UnleashBuilder;

$unleash = UnleashBuilder::create()
    ->withAppName('my-app')
    ->withAppUrl('${url}/api/')
    ->withInstanceId('instance-1')
    ->withHeader('Authorization', '${token}')
    ->build();

$context = (new UnleashContext())->setCurrentUserId('1');
echo '${feature} is ' . ($unleash->isEnabled('${feature}', $context) ? 'on' : 'off') . PHP_EOL;`,
  },
  {
    id: 'swift',
    name: 'Swift',
    side: 'frontend',
    install: '.package(url: "https://github.com/Unleash/unleash-ios-sdk.git", from: "2.0.0")',
    snippet: ({ url, token, feature }) => `import UnleashProxyClientSwift

let unleash = UnleashClient(
    unleashUrl: "${url}/api/frontend",
    clientKey: "${token}",
    refreshInterval: 15,
    appName: "my-app",
    context: ["userId": "1"]
)

unleash.subscribe(name: "ready") {
    print("${feature} is \\(unleash.isEnabled(name: "${feature}") ? "on" : "off")")
}
unleash.start()`,
  },
  {
    id: 'kotlin',
    name: 'Kotlin',
    side: 'frontend',
    install: 'implementation("io.getunleash:unleash-android:1.+")',
    snippet: ({ url, token, feature }) => `import io.getunleash.android.DefaultUnleash
import io.getunleash.android.UnleashConfig
import io.getunleash.android.data.UnleashContext

val unleash = DefaultUnleash(
    androidContext = applicationContext,
    unleashConfig = UnleashConfig.newBuilder(appName = "my-app")
        .proxyUrl("${url}/api/frontend")
        .clientKey("${token}")
        .build(),
    unleashContext = UnleashContext(userId = "1"),
)
unleash.start()

println("${feature} is " + if (unleash.isEnabled("${feature}")) "on" else "off")`,
  },
  {
    id: 'openfeature',
    name: 'OpenFeature',
    side: 'backend',
    install: 'npm install @openfeature/server-sdk @openfeature/core @openfeature/ofrep-provider',
    snippet: ({ url, token, feature }) => `import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl: '${url}', headers: [['Authorization', 'Bearer ${token}']] }),
);

const on = await OpenFeature.getClient().getBooleanValue('${feature}', false, { targetingKey: '1' });
console.log('${feature} is', on ? 'on' : 'off');`,
  },
  {
    id: 'curl',
    name: 'curl',
    side: 'frontend',
    install: '',
    snippet: ({ url, token }) => `curl '${url}/api/frontend?userId=1' -H 'Authorization: ${token}'`,
  },
];
