import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { mountedAt } from './api/client';
import {
  applicationOverviewQuery,
  applicationQuery,
  applicationsQuery,
  outdatedSdksQuery,
} from './applications/queries';
import { contextFieldQuery, contextFieldUsesQuery } from './context-fields/queries';
import { environmentsQuery } from './environments/queries';
import { homeQuery } from './home/queries';
import { NotFound, Problem } from './kit/layout/Problem';
import { featureQuery, featureTypesQuery, projectQuery, segmentsQuery, strategyTypesQuery } from './kit/queries';
import { bootstrapQuery } from './kit/session';
import { stringifySearch, texts } from './kit/url';
import {
  projectApplicationsQuery,
  projectEnvironmentsQuery,
  projectStatusQuery,
  projectsQuery,
} from './projects/queries';
import { rolesQuery } from './roles/queries';
import { segmentQuery, segmentUsesQuery } from './segments/queries';
import { tagTypesQuery } from './tag-types/queries';
import { unknownFlagsQuery } from './unknown-flags/queries';

type Context = { queries: QueryClient };

type Asked = Parameters<QueryClient['ensureQueryData']>[0];

/** Has what a page asks for before it is drawn, and as soon as somebody points at its link. */
function load({ queries }: Context, ...asked: unknown[]): Promise<unknown> {
  return Promise.all(asked.map((one) => queries.ensureQueryData(one as Asked)));
}

const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  notFoundComponent: NotFound,
  // Who is signed in is known before anything is drawn.
  beforeLoad: ({ context }) => context.queries.ensureQueryData(bootstrapQuery),
});

// Pages for everybody.
const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: texts('next'),
  component: lazyRouteComponent(() => import('./sign-in/SignInPage'), 'SignInPage'),
});
const forgottenPassword = createRoute({
  getParentRoute: () => root,
  path: '/forgotten-password',
  component: lazyRouteComponent(() => import('./sign-in/ForgottenPasswordPage'), 'ForgottenPasswordPage'),
});
const resetPassword = createRoute({
  getParentRoute: () => root,
  path: '/reset-password',
  validateSearch: texts('token'),
  component: lazyRouteComponent(() => import('./sign-in/ResetPasswordPage'), 'ResetPasswordPage'),
});
const newUser = createRoute({
  getParentRoute: () => root,
  path: '/new-user',
  validateSearch: texts('token', 'invite'),
  component: lazyRouteComponent(() => import('./sign-in/NewUserPage'), 'NewUserPage'),
});

// Pages of people who are signed in.
const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  component: lazyRouteComponent(() => import('./kit/layout/SignedIn'), 'SignedIn'),
  beforeLoad: ({ context, location }) => {
    if (!context.session) {
      const next = location.pathname === '/' ? {} : { next: location.href };
      throw redirect({ to: '/sign-in', search: next });
    }
  },
});

const list = texts('q', 'sort', 'hide', 'dialog', 'id');

const home = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  loader: ({ context }) => load(context, homeQuery),
  component: lazyRouteComponent(() => import('./home/HomePage'), 'HomePage'),
});

const featureFilters = texts(
  'q',
  'sort',
  'hide',
  'dialog',
  'project',
  'state',
  'type',
  'tag',
  'segment',
  'createdBy',
  'status',
  'lifecycle',
  'favorite',
  'createdAt',
  'lastSeenAt',
);
const features = createRoute({
  getParentRoute: () => signedIn,
  path: '/features',
  validateSearch: featureFilters,
  component: lazyRouteComponent(() => import('./features/FeaturesPage'), 'FeaturesPage'),
});
const archive = createRoute({
  getParentRoute: () => signedIn,
  path: '/archive',
  validateSearch: featureFilters,
  component: lazyRouteComponent(() => import('./features/ArchivePage'), 'ArchivePage'),
});

const projects = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects',
  validateSearch: texts('q', 'sort', 'hide', 'dialog', 'archived'),
  loader: ({ context, location }) => load(context, projectsQuery('archived' in location.search)),
  component: lazyRouteComponent(() => import('./projects/ProjectsPage'), 'ProjectsPage'),
});
const project = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId',
  validateSearch: featureFilters,
  loader: ({ context, params }) => load(context, projectQuery(params.projectId)),
  component: lazyRouteComponent(() => import('./projects/ProjectPage'), 'ProjectPage'),
});
const projectInsights = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/insights',
  loader: ({ context, params }) => load(context, projectQuery(params.projectId), projectStatusQuery(params.projectId)),
  component: lazyRouteComponent(() => import('./projects/ProjectInsightsPage'), 'ProjectInsightsPage'),
});
const projectApplications = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/applications',
  validateSearch: list,
  loader: ({ context, params }) =>
    load(context, projectQuery(params.projectId), projectApplicationsQuery(params.projectId)),
  component: lazyRouteComponent(() => import('./projects/ProjectApplicationsPage'), 'ProjectApplicationsPage'),
});
const eventFilters = texts(
  'feature',
  'project',
  'environment',
  'type',
  'createdBy',
  'from',
  'to',
  'query',
  'page',
  'id',
);
const projectEvents = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/events',
  validateSearch: eventFilters,
  loader: ({ context, params }) => load(context, projectQuery(params.projectId)),
  component: lazyRouteComponent(() => import('./projects/ProjectEventsPage'), 'ProjectEventsPage'),
});
const projectArchive = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/archive',
  validateSearch: featureFilters,
  loader: ({ context, params }) => load(context, projectQuery(params.projectId)),
  component: lazyRouteComponent(() => import('./projects/ProjectArchivePage'), 'ProjectArchivePage'),
});
const projectTokens = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/tokens',
  validateSearch: list,
  loader: ({ context, params }) => load(context, projectQuery(params.projectId)),
  component: lazyRouteComponent(() => import('./projects/ProjectTokensPage'), 'ProjectTokensPage'),
});
const projectSettings = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/settings',
  validateSearch: texts('dialog', 'environment'),
  loader: ({ context, params }) =>
    load(context, projectQuery(params.projectId), projectEnvironmentsQuery(params.projectId)),
  component: lazyRouteComponent(() => import('./projects/ProjectSettingsPage'), 'ProjectSettingsPage'),
});
const connect = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/connect',
  validateSearch: texts('feature', 'sdk', 'environment'),
  loader: ({ context, params }) => load(context, projectQuery(params.projectId)),
  component: lazyRouteComponent(() => import('./onboarding/ConnectPage'), 'ConnectPage'),
});

const feature = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/features/$featureName',
  validateSearch: texts('environment', 'dialog', 'strategy'),
  loader: ({ context, params }) => load(context, featureQuery(params.projectId, params.featureName)),
  component: lazyRouteComponent(() => import('./features/FeaturePage'), 'FeaturePage'),
});
const featureExposure = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/features/$featureName/exposure',
  validateSearch: texts('environment', 'hours'),
  loader: ({ context, params }) => load(context, featureQuery(params.projectId, params.featureName)),
  component: lazyRouteComponent(() => import('./features/FeatureExposurePage'), 'FeatureExposurePage'),
});
const featureWho = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/features/$featureName/who',
  validateSearch: texts('context'),
  loader: ({ context, params }) => load(context, featureQuery(params.projectId, params.featureName)),
  component: lazyRouteComponent(() => import('./features/FeatureWhoPage'), 'FeatureWhoPage'),
});
const featureEvents = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/features/$featureName/events',
  validateSearch: eventFilters,
  loader: ({ context, params }) => load(context, featureQuery(params.projectId, params.featureName)),
  component: lazyRouteComponent(() => import('./features/FeatureEventsPage'), 'FeatureEventsPage'),
});
const featureSettings = createRoute({
  getParentRoute: () => signedIn,
  path: '/projects/$projectId/features/$featureName/settings',
  validateSearch: texts('dialog'),
  loader: ({ context, params }) => load(context, featureQuery(params.projectId, params.featureName), featureTypesQuery),
  component: lazyRouteComponent(() => import('./features/FeatureSettingsPage'), 'FeatureSettingsPage'),
});

const segments = createRoute({
  getParentRoute: () => signedIn,
  path: '/segments',
  validateSearch: list,
  loader: ({ context }) => load(context, segmentsQuery),
  component: lazyRouteComponent(() => import('./segments/SegmentsPage'), 'SegmentsPage'),
});
const segment = createRoute({
  getParentRoute: () => signedIn,
  path: '/segments/$id',
  validateSearch: texts('dialog'),
  loader: ({ context, params }) => load(context, segmentQuery(Number(params.id)), segmentUsesQuery(Number(params.id))),
  component: lazyRouteComponent(() => import('./segments/SegmentPage'), 'SegmentPage'),
});
const contextFields = createRoute({
  getParentRoute: () => signedIn,
  path: '/context-fields',
  validateSearch: texts('q', 'sort', 'hide', 'dialog', 'project'),
  component: lazyRouteComponent(() => import('./context-fields/ContextFieldsPage'), 'ContextFieldsPage'),
});
const contextField = createRoute({
  getParentRoute: () => signedIn,
  path: '/context-fields/$name',
  validateSearch: texts('dialog'),
  loader: ({ context, params }) => load(context, contextFieldQuery(params.name), contextFieldUsesQuery(params.name)),
  component: lazyRouteComponent(() => import('./context-fields/ContextFieldPage'), 'ContextFieldPage'),
});
const environments = createRoute({
  getParentRoute: () => signedIn,
  path: '/environments',
  validateSearch: list,
  loader: ({ context }) => load(context, environmentsQuery),
  component: lazyRouteComponent(() => import('./environments/EnvironmentsPage'), 'EnvironmentsPage'),
});
const strategies = createRoute({
  getParentRoute: () => signedIn,
  path: '/strategies',
  validateSearch: list,
  loader: ({ context }) => load(context, strategyTypesQuery),
  component: lazyRouteComponent(() => import('./strategies/StrategiesPage'), 'StrategiesPage'),
});
const tagTypes = createRoute({
  getParentRoute: () => signedIn,
  path: '/tag-types',
  validateSearch: list,
  loader: ({ context }) => load(context, tagTypesQuery),
  component: lazyRouteComponent(() => import('./tag-types/TagTypesPage'), 'TagTypesPage'),
});
const featureTypes = createRoute({
  getParentRoute: () => signedIn,
  path: '/feature-types',
  validateSearch: list,
  loader: ({ context }) => load(context, featureTypesQuery),
  component: lazyRouteComponent(() => import('./feature-types/FeatureTypesPage'), 'FeatureTypesPage'),
});
const integrations = createRoute({
  getParentRoute: () => signedIn,
  path: '/integrations',
  validateSearch: texts('q', 'sort', 'dialog', 'provider'),
  component: lazyRouteComponent(() => import('./integrations/IntegrationsPage'), 'IntegrationsPage'),
});
const integration = createRoute({
  getParentRoute: () => signedIn,
  path: '/integrations/$id',
  validateSearch: texts('dialog', 'page'),
  component: lazyRouteComponent(() => import('./integrations/IntegrationPage'), 'IntegrationPage'),
});
const transfer = createRoute({
  getParentRoute: () => signedIn,
  path: '/import-export',
  validateSearch: (search: Record<string, unknown>) => ({
    tab: 'export',
    ...texts('tab', 'project', 'environment')(search),
  }),
  component: lazyRouteComponent(() => import('./transfer/TransferPage'), 'TransferPage'),
});

const playground = createRoute({
  getParentRoute: () => signedIn,
  path: '/playground',
  validateSearch: texts('context', 'environments', 'projects', 'q', 'show', 'feature'),
  component: lazyRouteComponent(() => import('./playground/PlaygroundPage'), 'PlaygroundPage'),
});
const events = createRoute({
  getParentRoute: () => signedIn,
  path: '/events',
  validateSearch: eventFilters,
  component: lazyRouteComponent(() => import('./events/EventsPage'), 'EventsPage'),
});
const applications = createRoute({
  getParentRoute: () => signedIn,
  path: '/applications',
  validateSearch: texts('q', 'sort', 'hide'),
  loader: ({ context }) => load(context, applicationsQuery, outdatedSdksQuery),
  component: lazyRouteComponent(() => import('./applications/ApplicationsPage'), 'ApplicationsPage'),
});
const application = createRoute({
  getParentRoute: () => signedIn,
  path: '/applications/$name',
  validateSearch: texts('environment'),
  loader: ({ context, params }) => load(context, applicationQuery(params.name), applicationOverviewQuery(params.name)),
  component: lazyRouteComponent(() => import('./applications/ApplicationPage'), 'ApplicationPage'),
});
const unknownFlags = createRoute({
  getParentRoute: () => signedIn,
  path: '/unknown-flags',
  validateSearch: list,
  loader: ({ context }) => load(context, unknownFlagsQuery),
  component: lazyRouteComponent(() => import('./unknown-flags/UnknownFlagsPage'), 'UnknownFlagsPage'),
});

const users = createRoute({
  getParentRoute: () => signedIn,
  path: '/users',
  validateSearch: texts('q', 'sort', 'hide', 'dialog', 'id', 'show'),
  component: lazyRouteComponent(() => import('./users/UsersPage'), 'UsersPage'),
});
const user = createRoute({
  getParentRoute: () => signedIn,
  path: '/users/$id',
  validateSearch: texts('dialog', 'project', 'environment'),
  component: lazyRouteComponent(() => import('./users/UserPage'), 'UserPage'),
});
const roles = createRoute({
  getParentRoute: () => signedIn,
  path: '/roles',
  validateSearch: list,
  loader: ({ context }) => load(context, rolesQuery),
  component: lazyRouteComponent(() => import('./roles/RolesPage'), 'RolesPage'),
});
const invitations = createRoute({
  getParentRoute: () => signedIn,
  path: '/invitations',
  validateSearch: list,
  component: lazyRouteComponent(() => import('./invitations/InvitationsPage'), 'InvitationsPage'),
});
const apiTokens = createRoute({
  getParentRoute: () => signedIn,
  path: '/api-tokens',
  validateSearch: list,
  component: lazyRouteComponent(() => import('./api-tokens/ApiTokensPage'), 'ApiTokensPage'),
});
const profile = createRoute({
  getParentRoute: () => signedIn,
  path: '/profile',
  validateSearch: texts('dialog'),
  component: lazyRouteComponent(() => import('./profile/ProfilePage'), 'ProfilePage'),
});
const instance = createRoute({
  getParentRoute: () => signedIn,
  path: '/instance',
  validateSearch: texts('dialog'),
  component: lazyRouteComponent(() => import('./instance/InstancePage'), 'InstancePage'),
});

const unknown = createRoute({ getParentRoute: () => signedIn, path: '$', component: NotFound });

const tree = root.addChildren([
  signIn,
  forgottenPassword,
  resetPassword,
  newUser,
  signedIn.addChildren([
    home,
    features,
    archive,
    projects,
    project,
    projectInsights,
    projectApplications,
    projectEvents,
    projectArchive,
    projectTokens,
    projectSettings,
    connect,
    feature,
    featureExposure,
    featureWho,
    featureEvents,
    featureSettings,
    segments,
    segment,
    contextFields,
    contextField,
    environments,
    strategies,
    tagTypes,
    featureTypes,
    integrations,
    integration,
    transfer,
    playground,
    events,
    applications,
    application,
    unknownFlags,
    users,
    user,
    roles,
    invitations,
    apiTokens,
    profile,
    instance,
    unknown,
  ]),
]);

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    basepath: mountedAt,
    context: { queries },
    // Addresses hold texts, as they are: the router by itself would put quotes around those that look like numbers.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch,
    // The next page is fetched as soon as somebody points at its link.
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: Problem,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
    scrollToTopSelectors: ['#page'],
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
