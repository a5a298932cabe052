import type { LinkProps } from '@tanstack/react-router';

/** Keeps the literal types that the router checks. */
const link = (given: LinkProps): LinkProps => given;

/** Every link of the UI, in one place. `paths.test.ts` prints them all. */
export const paths = {
  home: () => link({ to: '/' }),
  signIn: (next?: string) => link({ to: '/sign-in', search: next ? { next } : {} }),
  forgottenPassword: () => link({ to: '/forgotten-password' }),

  features: (search: Record<string, string> = {}) => link({ to: '/features', search }),
  archive: () => link({ to: '/archive' }),
  projects: (search: Record<string, string> = {}) => link({ to: '/projects', search }),
  project: (projectId: string, search: Record<string, string> = {}) =>
    link({ to: '/projects/$projectId', params: { projectId }, search }),
  projectInsights: (projectId: string) => link({ to: '/projects/$projectId/insights', params: { projectId } }),
  projectApplications: (projectId: string) => link({ to: '/projects/$projectId/applications', params: { projectId } }),
  projectEvents: (projectId: string) => link({ to: '/projects/$projectId/events', params: { projectId } }),
  projectArchive: (projectId: string) => link({ to: '/projects/$projectId/archive', params: { projectId } }),
  projectTokens: (projectId: string) => link({ to: '/projects/$projectId/tokens', params: { projectId } }),
  projectSettings: (projectId: string) => link({ to: '/projects/$projectId/settings', params: { projectId } }),
  connect: (projectId: string, feature?: string) =>
    link({ to: '/projects/$projectId/connect', params: { projectId }, search: feature ? { feature } : {} }),

  feature: (projectId: string, featureName: string) =>
    link({ to: '/projects/$projectId/features/$featureName', params: { projectId, featureName } }),
  featureExposure: (projectId: string, featureName: string) =>
    link({ to: '/projects/$projectId/features/$featureName/exposure', params: { projectId, featureName } }),
  featureWho: (projectId: string, featureName: string) =>
    link({ to: '/projects/$projectId/features/$featureName/who', params: { projectId, featureName } }),
  featureEvents: (projectId: string, featureName: string) =>
    link({ to: '/projects/$projectId/features/$featureName/events', params: { projectId, featureName } }),
  featureSettings: (projectId: string, featureName: string) =>
    link({ to: '/projects/$projectId/features/$featureName/settings', params: { projectId, featureName } }),

  segments: (search: Record<string, string> = {}) => link({ to: '/segments', search }),
  segment: (id: number) => link({ to: '/segments/$id', params: { id: String(id) } }),
  contextFields: () => link({ to: '/context-fields' }),
  contextField: (name: string) => link({ to: '/context-fields/$name', params: { name } }),
  environments: () => link({ to: '/environments' }),
  strategies: () => link({ to: '/strategies' }),
  tagTypes: () => link({ to: '/tag-types' }),
  featureTypes: () => link({ to: '/feature-types' }),
  integrations: () => link({ to: '/integrations' }),
  integration: (id: number) => link({ to: '/integrations/$id', params: { id: String(id) } }),
  transfer: (tab: 'export' | 'import' = 'export') => link({ to: '/import-export', search: { tab } }),

  playground: () => link({ to: '/playground' }),
  events: (search: Record<string, string> = {}) => link({ to: '/events', search }),
  applications: () => link({ to: '/applications' }),
  application: (name: string) => link({ to: '/applications/$name', params: { name } }),
  unknownFlags: () => link({ to: '/unknown-flags' }),

  users: (search: Record<string, string> = {}) => link({ to: '/users', search }),
  user: (id: number) => link({ to: '/users/$id', params: { id: String(id) } }),
  roles: () => link({ to: '/roles' }),
  invitations: () => link({ to: '/invitations' }),
  apiTokens: (search: Record<string, string> = {}) => link({ to: '/api-tokens', search }),
  profile: () => link({ to: '/profile' }),
  instance: () => link({ to: '/instance' }),
};
