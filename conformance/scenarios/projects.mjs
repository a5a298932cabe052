//! Projects as the open-source edition has them: list, overview, environments.
import { asEach, del, get, post } from '../lib/steps.mjs';

const P = '/api/admin/projects/default';
const COUNTS = ['projects*featureCount', 'projects*health', 'projects*cleanupCount', 'projects*lastUpdatedAt', '*technicalDebt', 'projects*staleFeatureCount', 'projects*avgTimeToProduction', '*lastReportedFlagUsage', '*onboardingStatus*'];
const OVERVIEW = { compare: { ignore: ['stats*', 'featureTypeCounts*', 'health', 'technicalDebt', 'onboardingStatus*'] } };

export default [
    get('list', '/api/admin/projects', { compare: { ignore: COUNTS } }),
    get('list of archived ones', '/api/admin/projects?archived=true', { compare: { ignore: COUNTS } }),
    get('list by id', '/api/admin/projects?id=default', { compare: { ignore: COUNTS } }),
    ...asEach(['anon', 'viewer', 'backend', 'frontend'], get('list', '/api/admin/projects', { compare: { ignore: COUNTS } })),
    get('overview', `${P}/overview`, OVERVIEW),
    get('overview of an unknown project', '/api/admin/projects/nowhere/overview'),
    get('overview as anon', `${P}/overview`, { as: 'anon' }),
    del('detach an environment', `${P}/environments/production`),
    get('overview without it', `${P}/overview`, OVERVIEW),
    del('detach it again', `${P}/environments/production`),
    post('attach', `${P}/environments`, { environment: 'production' }),
    post('attach again', `${P}/environments`, { environment: 'production' }),
    post('attach an unknown environment', `${P}/environments`, { environment: 'nowhere' }),
    post('attach without environment', `${P}/environments`, {}),
    post('attach to an unknown project', '/api/admin/projects/nowhere/environments', { environment: 'production' }),
    post('attach as viewer', `${P}/environments`, { environment: 'production' }, { as: 'viewer' }),
    del('detach as viewer', `${P}/environments/production`, { as: 'viewer' }),
    del('detach an unknown environment', `${P}/environments/nowhere`),
    post('default strategy', `${P}/environments/production/default-strategy`, { name: 'flexibleRollout', title: 'Usual', parameters: { rollout: '25', stickiness: 'default', groupId: 'g' } }),
    post('default strategy without name', `${P}/environments/production/default-strategy`, { parameters: {} }),
    post('default strategy in an unknown environment', `${P}/environments/nowhere/default-strategy`, { name: 'flexibleRollout', parameters: {} }),
    post('default strategy as viewer', `${P}/environments/production/default-strategy`, { name: 'flexibleRollout' }, { as: 'viewer' }),
    get('overview with the default strategy', `${P}/overview`, OVERVIEW),
    post('flag', `${P}/features`, { name: 'conf.defaultstrategy' }),
    post('switch on with the default strategy', `${P}/features/conf.defaultstrategy/environments/production/on`, undefined),
    get('strategies from the default', `${P}/features/conf.defaultstrategy/environments/production/strategies`),
    post('switch on as editor', `${P}/features/conf.defaultstrategy/environments/development/on`, undefined, { as: 'editor' }),
    get('strategies without a default', `${P}/features/conf.defaultstrategy/environments/development/strategies`),
    get('event of the default strategy', '/api/admin/search/events?type=IS:default-strategy-updated&limit=1', { compare: { ignore: ['total'] } }),
    get('event attached', '/api/admin/search/events?type=IS:project-environment-added&limit=1', { compare: { ignore: ['total'] } }),
    get('event detached', '/api/admin/search/events?type=IS:project-environment-removed&limit=1', { compare: { ignore: ['total'] } }),
];
