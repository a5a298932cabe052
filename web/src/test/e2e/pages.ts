import { prepare, url } from './people';

/** What every page needs to show something, made once for all of them; each file of tests names it in its own way. */
export async function furnish(word = 'furnished'): Promise<string[]> {
  const project = { id: word, name: 'Furnished', description: 'With something of everything' };
  await prepare('POST', '/api/admin/projects', project);
  await prepare('POST', '/api/admin/context', {
    name: `${word}Country`,
    description: 'Where somebody lives',
    legalValues: [{ value: 'NO' }, { value: 'SE' }],
  });
  const segment = await prepare('POST', '/api/admin/segments', {
    name: `${word}-beta`,
    constraints: [{ contextName: 'userId', operator: 'IN', values: ['ada', 'grace'] }],
  });
  const features = `/api/admin/projects/${word}/features`;
  for (const name of [`${word}-parent`, `${word}-flag`]) {
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
          { contextName: `${word}Country`, operator: 'IN', values: ['NO'] },
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
  await prepare('POST', `${features}/${word}-flag/dependencies`, { feature: `${word}-parent`, enabled: true });
  await prepare('POST', `${features}/${word}-flag/link`, { url: 'https://tickets.example/1', title: 'A ticket' });
  await prepare('PUT', `/api/admin/features/${word}-flag/tags`, {
    addedTags: [{ type: 'simple', value: word }],
    removedTags: [],
  });
  await prepare('POST', `/api/admin/projects/${word}/stale`, { features: [`${word}-parent`], stale: true });
  await prepare('POST', features, { name: `${word}-gone` });
  await prepare('DELETE', `${features}/${word}-gone`);
  const integration = await prepare('POST', '/api/admin/addons', {
    provider: 'webhook',
    enabled: false,
    description: 'Tells a robot',
    events: ['feature-created'],
    parameters: { url: 'https://robot.example/hook' },
  });
  await prepare('POST', '/api/admin/invite-link/tokens', {
    name: word,
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  await report(word);
  const { strategies } = (await prepare('GET', `${features}/${word}-flag`)).environments.find(
    (one: { name: string }) => one.name === 'development',
  );

  const flag = `/projects/${word}/features/${word}-flag`;
  return [
    '/',
    '/features',
    '/features?dialog=create',
    '/archive',
    '/projects',
    '/projects?dialog=create',
    '/projects?archived=true',
    `/projects/${word}`,
    `/projects/${word}/insights`,
    `/projects/${word}/applications`,
    `/projects/${word}/events`,
    `/projects/${word}/archive`,
    `/projects/${word}/tokens`,
    `/projects/${word}/settings`,
    `/projects/${word}/settings?dialog=default-strategy&environment=development`,
    `/projects/${word}/connect?sdk=node&feature=${word}-flag`,
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
    `/context-fields/${word}Country`,
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
    `/applications/${word}-app`,
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
async function report(word: string) {
  const { secret } = await prepare('POST', `/api/admin/projects/${word}/api-tokens`, {
    tokenName: word,
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
  const about = { appName: `${word}-app`, instanceId: 'one', sdkVersion: 'unleash-client-node:6.1.0' };
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
        [`${word}-flag`]: { yes: 30, no: 10, variants: { black: 14, blue: 16 } },
        [`${word}-unknown`]: { yes: 0, no: 4 },
      },
    },
  });
}
