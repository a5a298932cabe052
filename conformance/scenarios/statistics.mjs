//! Projects, a user's own things and the installation, in numbers. Most of them count what other scenarios have made.
import { asEach, del, get, post } from '../lib/steps.mjs';

const PROJECT = '/api/admin/projects/default';
const NOWHERE = '/api/admin/projects/nowhere';
const FEATURES = `${PROJECT}/features`;
const BOARD = '/api/admin/personal-dashboard';
const INSTANCE = '/api/admin/instance-admin/statistics';
const shape = { compare: { body: false } };
// The reference counts once an hour, Flagstone at once; other scenarios make flags of their own.
const NUMBERS = ['*count', '*Count', '*Window', '*current', '*currentFlags', '*rating', '*last30Days', '*total', '*segments', '*apiTokens', '*members', '*health', '*technicalDebt', '*averageDays', '*average*'];
const numbers = { compare: { ignore: [...NUMBERS, 'activityCountByDate*', 'featureTypeCounts*', 'onboardingStatus*', 'leadTime*', 'features*', '*At', '*Flags', '*featureCount', '*memberCount', 'latestEvents*', 'flags*', 'admins*', 'projectOwners*', 'environments*', 'owners*', 'roles*', 'project*', 'members*'] } };
const paths = ['status', 'insights', 'health-report', 'dora', 'overview'];

export default [
    post('flag', FEATURES, { name: 'conf.counted', type: 'experiment' }),
    post('another flag', FEATURES, { name: 'conf.counted.stale' }),
    post('mark it as stale', `${PROJECT}/stale`, { features: ['conf.counted.stale'], stale: true }),
    ...paths.map((path) => get(path, `${PROJECT}/${path}`, numbers)),
    ...paths.flatMap((path) => asEach(['viewer', 'editor', 'admin-user'], get(path, `${PROJECT}/${path}`, numbers))),
    ...paths.flatMap((path) => asEach(['anon', 'badtoken', 'backend', 'frontend'], get(path, `${PROJECT}/${path}`))),
    ...paths.map((path) => get(`${path} of a project that is not there`, `${NOWHERE}/${path}`)),
    get('projects', '/api/admin/projects', numbers),
    get('lifecycle', '/api/admin/lifecycle/count', { compare: { ignore: ['initial', 'preLive', 'live', 'archived'] } }),
    ...asEach(['viewer', 'editor'], get('lifecycle', '/api/admin/lifecycle/count', { compare: { ignore: ['initial', 'preLive', 'live', 'archived'] } })),
    ...asEach(['anon', 'badtoken', 'backend', 'frontend'], get('lifecycle', '/api/admin/lifecycle/count')),
    post('flag of the editor', FEATURES, { name: 'conf.counted.editor' }, { as: 'editor' }),
    get('dashboard', BOARD, { as: 'editor', compare: { only: { flags: 'conf.counted', projects: 'Default' }, ignore: ['*health', '*technicalDebt', '*featureCount', '*memberCount', 'projectOwners*', 'admins*'] } }),
    get('dashboard of the viewer', BOARD, { as: 'viewer', compare: { ignore: ['projects*', 'projectOwners*', 'admins*'] } }),
    get('dashboard by a session', BOARD, { as: 'editor-session', compare: { only: { flags: 'conf.counted', projects: 'Default' }, ignore: ['*health', '*technicalDebt', '*featureCount', '*memberCount', 'projectOwners*', 'admins*'] } }),
    ...asEach(['anon', 'badtoken', 'backend', 'frontend', 'admin'], get('dashboard', BOARD, shape)),
    get('dashboard of a project', `${BOARD}/default`, { as: 'editor', ...numbers }),
    get('dashboard of a project as viewer', `${BOARD}/default`, { as: 'viewer', ...numbers }),
    get('dashboard of a project that is not there', `${BOARD}/nowhere`, { as: 'editor' }),
    ...asEach(['anon', 'badtoken', 'backend', 'frontend', 'admin'], get('dashboard of a project', `${BOARD}/default`, shape)),
    get('instance', INSTANCE, { compare: { ignore: ['*'] } }),
    ...asEach(['viewer', 'editor'], get('instance', INSTANCE, { compare: { ignore: ['*'] } })),
    ...asEach(['anon', 'badtoken', 'backend', 'frontend'], get('instance', INSTANCE)),
    get('instance as CSV', `${INSTANCE}/csv`, shape),
    get('instance as CSV by the viewer', `${INSTANCE}/csv`, { as: 'viewer', ...shape }),
    ...asEach(['anon', 'badtoken', 'backend', 'frontend'], get('instance as CSV', `${INSTANCE}/csv`)),
    del('archive', `${FEATURES}/conf.counted`),
    get('status after it', `${PROJECT}/status`, numbers),
];
