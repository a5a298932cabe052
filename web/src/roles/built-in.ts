// As `make_built_in_roles` in `crates/flagstone-model/src/permissions.rs` has them; `roles.e2e.ts` compares the two.

export type Scope = 'root' | 'project' | 'environment';
export type RoleName = 'Admin' | 'Editor' | 'Viewer' | 'Owner' | 'Member';

export const builtInRoles: { name: RoleName; where: string; description: string }[] = [
  {
    name: 'Admin',
    where: 'everywhere',
    description:
      'May do everything, also where a permission below is not named: users, tokens, environments, settings.',
  },
  {
    name: 'Editor',
    where: 'everywhere',
    description:
      'May change what is shared and create projects. Owns the projects that they create, and the project Default.',
  },
  {
    name: 'Viewer',
    where: 'everywhere',
    description: 'May look at everything that is not private, except API tokens.',
  },
  {
    name: 'Owner',
    where: 'in a project',
    description: 'May do everything in the project. Whoever creates it is its owner.',
  },
  { name: 'Member', where: 'in a project', description: 'May work on the features of the project.' },
];

const root = [
  'CREATE_ADDON',
  'UPDATE_ADDON',
  'DELETE_ADDON',
  'READ_CLIENT_API_TOKEN',
  'CREATE_CLIENT_API_TOKEN',
  'UPDATE_CLIENT_API_TOKEN',
  'DELETE_CLIENT_API_TOKEN',
  'READ_FRONTEND_API_TOKEN',
  'CREATE_FRONTEND_API_TOKEN',
  'UPDATE_FRONTEND_API_TOKEN',
  'DELETE_FRONTEND_API_TOKEN',
  'UPDATE_APPLICATION',
  'CREATE_CONTEXT_FIELD',
  'UPDATE_CONTEXT_FIELD',
  'DELETE_CONTEXT_FIELD',
  'CREATE_PROJECT',
  'CREATE_SEGMENT',
  'UPDATE_SEGMENT',
  'DELETE_SEGMENT',
  'CREATE_STRATEGY',
  'UPDATE_STRATEGY',
  'DELETE_STRATEGY',
  'CREATE_TAG_TYPE',
  'UPDATE_TAG_TYPE',
  'DELETE_TAG_TYPE',
  'READ_ROLE',
  'UPDATE_MAINTENANCE_MODE',
  'UPDATE_INSTANCE_BANNERS',
  'UPDATE_AUTH_CONFIGURATION',
  'UPDATE_CORS',
  'READ_LOGS',
  'RELEASE_PLAN_TEMPLATE_CREATE',
  'RELEASE_PLAN_TEMPLATE_UPDATE',
  'RELEASE_PLAN_TEMPLATE_DELETE',
];
const project = [
  'CREATE_FEATURE',
  'UPDATE_FEATURE',
  'DELETE_FEATURE',
  'UPDATE_FEATURE_VARIANTS',
  'UPDATE_FEATURE_DEPENDENCY',
  'MOVE_FEATURE_TOGGLE',
  'UPDATE_PROJECT',
  'DELETE_PROJECT',
  'READ_PROJECT_API_TOKEN',
  'CREATE_PROJECT_API_TOKEN',
  'DELETE_PROJECT_API_TOKEN',
  'UPDATE_PROJECT_SEGMENT',
  'UPDATE_PROJECT_CONTEXT',
  'PROJECT_USER_ACCESS_READ',
  'PROJECT_USER_ACCESS_WRITE',
  'PROJECT_DEFAULT_STRATEGY_READ',
  'PROJECT_DEFAULT_STRATEGY_WRITE',
  'PROJECT_CHANGE_REQUEST_READ',
  'PROJECT_CHANGE_REQUEST_WRITE',
  'PROJECT_SETTINGS_READ',
  'PROJECT_SETTINGS_WRITE',
];
const environment = [
  'CREATE_FEATURE_STRATEGY',
  'UPDATE_FEATURE_STRATEGY',
  'DELETE_FEATURE_STRATEGY',
  'UPDATE_FEATURE_ENVIRONMENT',
  'UPDATE_FEATURE_ENVIRONMENT_VARIANTS',
  'APPROVE_CHANGE_REQUEST',
  'APPLY_CHANGE_REQUEST',
  'SKIP_CHANGE_REQUEST',
];

const notOfEditors = new Set([
  'CREATE_CLIENT_API_TOKEN',
  'UPDATE_CLIENT_API_TOKEN',
  'DELETE_CLIENT_API_TOKEN',
  'CREATE_FRONTEND_API_TOKEN',
  'UPDATE_FRONTEND_API_TOKEN',
  'DELETE_FRONTEND_API_TOKEN',
  'READ_ROLE',
  'UPDATE_MAINTENANCE_MODE',
  'UPDATE_INSTANCE_BANNERS',
  'UPDATE_AUTH_CONFIGURATION',
  'UPDATE_CORS',
  'READ_LOGS',
]);
const ofMembers = new Set([
  'CREATE_FEATURE',
  'UPDATE_FEATURE',
  'DELETE_FEATURE',
  'UPDATE_FEATURE_VARIANTS',
  'UPDATE_FEATURE_DEPENDENCY',
  'CREATE_FEATURE_STRATEGY',
  'UPDATE_FEATURE_STRATEGY',
  'DELETE_FEATURE_STRATEGY',
  'UPDATE_FEATURE_ENVIRONMENT',
  'UPDATE_FEATURE_ENVIRONMENT_VARIANTS',
  'UPDATE_PROJECT_SEGMENT',
  'UPDATE_PROJECT_CONTEXT',
]);

export type PermissionRow = { permission: string; scope: Scope; roles: ReadonlySet<RoleName> };

function rowOf(permission: string, scope: Scope): PermissionRow {
  const roles = new Set<RoleName>(['Admin']);
  if (scope === 'root') {
    if (!notOfEditors.has(permission)) roles.add('Editor');
  } else {
    if (permission !== 'SKIP_CHANGE_REQUEST') roles.add('Owner');
    if (ofMembers.has(permission)) roles.add('Member');
  }
  return { permission, scope, roles };
}

/** Every permission, with the built-in roles that hold it. */
export const permissionRows: PermissionRow[] = [
  ...root.map((permission) => rowOf(permission, 'root')),
  ...project.map((permission) => rowOf(permission, 'project')),
  ...environment.map((permission) => rowOf(permission, 'environment')),
];
