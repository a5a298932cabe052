import { expect, test } from 'vitest';
import { paths } from './paths';

test('every link of the UI', () => {
  const examples: Record<string, unknown[]> = { segment: [1], integration: [1], user: [1] };
  const all = Object.entries(paths).map(([name, build]) => {
    const link = (build as (...given: unknown[]) => { to?: unknown })(...(examples[name] ?? ['a', 'b']));
    return `${name} ${String(link.to)}`;
  });
  expect(all.join('\n')).toMatchInlineSnapshot(`
    "home /
    signIn /sign-in
    forgottenPassword /forgotten-password
    features /features
    archive /archive
    projects /projects
    project /projects/$projectId
    projectInsights /projects/$projectId/insights
    projectApplications /projects/$projectId/applications
    projectEvents /projects/$projectId/events
    projectArchive /projects/$projectId/archive
    projectTokens /projects/$projectId/tokens
    projectSettings /projects/$projectId/settings
    connect /projects/$projectId/connect
    feature /projects/$projectId/features/$featureName
    featureExposure /projects/$projectId/features/$featureName/exposure
    featureWho /projects/$projectId/features/$featureName/who
    featureEvents /projects/$projectId/features/$featureName/events
    featureSettings /projects/$projectId/features/$featureName/settings
    segments /segments
    segment /segments/$id
    contextFields /context-fields
    contextField /context-fields/$name
    environments /environments
    strategies /strategies
    tagTypes /tag-types
    featureTypes /feature-types
    integrations /integrations
    integration /integrations/$id
    transfer /import-export
    playground /playground
    events /events
    applications /applications
    application /applications/$name
    unknownFlags /unknown-flags
    users /users
    user /users/$id
    roles /roles
    invitations /invitations
    apiTokens /api-tokens
    profile /profile
    instance /instance"
  `);
});
