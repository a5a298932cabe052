import { prepare, url } from './people';

/** What every page needs to show something, made once for all of them. */
export async function furnish(): Promise<string[]> {
  const project = { id: 'furnished', name: 'Furnished', description: 'With something of everything' };
  await prepare('POST', '/api/admin/projects', project);
  await prepare('POST', '/api/admin/context', {
    name: 'furnishedCountry',
    description: 'Where somebody lives',
    legalValues: [{ value: 'NO' }, { value: 'SE' }],
  });
  const segment = await prepare('POST', '/api/admin/segments', {
    name: 'furnished-beta',
    constraints: [{ contextName: 'userId', operator: 'IN', values: ['ada', 'grace'] }],
  });
  const features = '/api/admin/projects/furnished/features';
  for (const name of ['furnished-parent', 'furnished-flag']) {
    await prepare('POST', features, { name, type: 'experiment', description: 'For the look of it' });
    for (const environment of ['development', 'production']) {
      const strategies = `${features}/${name}/environments/${environment}/strategies`;
      await prepare('POST', strategies, {
        name: 'flexibleRollout',
        title: 'Beta',
        parameters: { rollout: '100', stickiness: 'default', groupId: name },
        segments: [segment.id],
      });
      await prepare('POST', strategies, {
        name: 'flexibleRollout',
        parameters: { rollout: '25', stickiness: 'userId', groupId: name },
        constraints: [
          { contextName: 'furnishedCountry', operator: 'IN', values: ['NO'] },
          { contextName: 'age', operator: 'NUM_GTE', value: '18' },
        ],
        variants: [
          { name: 'black', weight: 500, weightType: 'variable', stickiness: 'userId' },
          {
            name: 'blue',
            weight: 500,
            weightType: 'variable',
            stickiness: 'userId',
            payload: { type: 'json', value: '{"a":1}' },
          },
        ],
      });
    }
    await prepare('POST', `${features}/${name}/environments/development/on`);
  }
  await prepare('POST', `${features}/furnished-flag/dependencies`, { feature: 'furnished-parent', enabled: true });
  await prepare('POST', `${features}/furnished-flag/link`, { url: 'https://tickets.example/1', title: 'A ticket' });
  await prepare('PUT', '/api/admin/features/furnished-flag/tags', {
    addedTags: [{ type: 'simple', value: 'furnished' }],
    removedTags: [],
  });
  await prepare('POST', '/api/admin/projects/furnished/stale', { features: ['furnished-parent'], stale: true });
  await prepare('POST', features, { name: 'furnished-gone' });
  await prepare('DELETE', `${features}/furnished-gone`);
  const integration = await prepare('POST', '/api/admin/addons', {
    provider: 'webhook',
    enabled: false,
    description: 'Tells a robot',
    events: ['feature-created'],
    parameters: { url: 'https://robot.example/hook' },
  });
  await prepare('POST', '/api/admin/invite-link/tokens', {
    name: 'furnished',
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  await report();
  const { strategies } = (await prepare('GET', `${features}/furnished-flag`)).environments.find(
    (one: { name: string }) => one.name === 'development',
  );

  const flag = '/projects/furnished/features/furnished-flag';
  return [
    '/',
    '/features',
    '/features?dialog=create',
    '/archive',
    '/projects',
    '/projects?dialog=create',
    '/projects?archived=true',
    '/projects/furnished',
    '/projects/furnished/insights',
    '/projects/furnished/applications',
    '/projects/furnished/events',
    '/projects/furnished/archive',
    '/projects/furnished/tokens',
    '/projects/furnished/settings',
    '/projects/furnished/settings?dialog=default-strategy&environment=development',
    '/projects/furnished/connect?sdk=node&feature=furnished-flag',
    flag,
    `${flag}?dialog=strategy&environment=development&strategy=new:flexibleRollout`,
    `${flag}?dialog=strategy&environment=development&strategy=${strategies[1].id}`,
    `${flag}/who?context=userId%3Dada`,
    `${flag}/exposure`,
    `${flag}/events`,
    `${flag}/settings`,
    '/segments',
    '/segments?dialog=create',
    `/segments/${segment.id}`,
    `/segments/${segment.id}?dialog=edit`,
    '/context-fields',
    '/context-fields?dialog=create',
    '/context-fields/furnishedCountry',
    '/environments',
    '/environments?dialog=create',
    '/strategies',
    '/strategies?dialog=create',
    '/tag-types',
    '/tag-types?dialog=create',
    '/feature-types',
    '/integrations',
    `/integrations/${integration.id}`,
    '/import-export',
    '/playground',
    '/events',
    '/applications',
    '/applications/furnished-app',
    '/unknown-flags',
    '/users',
    '/users?dialog=create',
    '/users/1',
    '/roles',
    '/invitations',
    '/invitations?dialog=create',
    '/api-tokens',
    '/api-tokens?dialog=create',
    '/profile',
    '/instance',
    '/no-such-page',
  ];
}

/** An application that has asked for features, one of which does not exist. */
async function report() {
  const { secret } = await prepare('POST', '/api/admin/projects/furnished/api-tokens', {
    tokenName: 'furnished',
    type: 'backend',
    environment: 'development',
  });
  const send = async (path: string, body: unknown) => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { Authorization: secret, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  const about = { appName: 'furnished-app', instanceId: 'one', sdkVersion: 'unleash-client-node:6.1.0' };
  await send('/api/client/register', {
    ...about,
    strategies: ['default'],
    started: new Date().toISOString(),
    interval: 15_000,
  });
  const now = new Date().toISOString();
  await send('/api/client/metrics', {
    ...about,
    bucket: {
      start: now,
      stop: now,
      toggles: {
        'furnished-flag': { yes: 30, no: 10, variants: { black: 14, blue: 16 } },
        'furnished-unknown': { yes: 0, no: 4 },
      },
    },
  });
}
