//! The lives of flags: stages, and when somebody says that they are done. When the reference lets one enter a stage that
//! usage shows cannot be foreseen, so that is left to our own tests.
import { asEach, del, get, post } from '../lib/steps.mjs';

const FEATURES = '/api/admin/projects/default/features';
const NAME = 'conf.lifecycle.a';
const LIFE = `${FEATURES}/${NAME}/lifecycle`;
const TIMES = { ignore: ['*enteredStageAt'] };

const stages = (name, last, path = LIFE) => get(name, path, { until: { path: last }, compare: TIMES });
export default [
    post('flag', FEATURES, { name: NAME }, { compare: { body: false } }),
    post('second flag', FEATURES, { name: 'conf.lifecycle.b' }, { compare: { body: false } }),
    stages('at first', '$[0].stage'),
    ...asEach(['viewer', 'editor', 'admin-user'], get('stages', LIFE, { compare: TIMES })),
    ...asEach(['anon', 'badtoken', 'backend', 'frontend'], get('stages', LIFE)),
    get('stages of a flag that is not there', `${FEATURES}/conf.lifecycle.none/lifecycle`),
    ...asEach(['viewer', 'anon', 'badtoken', 'backend', 'frontend'], post('complete', `${LIFE}/complete`, { status: 'kept' })),
    ...asEach(['viewer', 'anon', 'badtoken', 'backend', 'frontend'], post('uncomplete', `${LIFE}/uncomplete`)),
    post('complete without status', `${LIFE}/complete`, {}),
    post('complete with an unknown status', `${LIFE}/complete`, { status: 'maybe' }),
    post('complete with a number', `${LIFE}/complete`, { status: 1 }),
    post('complete with null', `${LIFE}/complete`, { status: null }),
    post('complete with an unknown field', `${LIFE}/complete`, { status: 'kept', colour: 'red' }),
    post('complete with a list', `${LIFE}/complete`, []),
    get('stages after what was refused', LIFE, { compare: TIMES }),
    post('complete', `${LIFE}/complete`, { status: 'kept' }),
    get('stages of a completed one', LIFE, { compare: TIMES }),
    get('the flag', `${FEATURES}/${NAME}`, { compare: { ignore: ['lifecycle*enteredStageAt', 'collaborators*', 'createdBy*'] } }),
    post('complete again', `${LIFE}/complete`, { status: 'kept' }, { as: 'editor' }),
    get('stages of one that was completed twice', LIFE, { compare: TIMES }),
    post('uncomplete', `${LIFE}/uncomplete`),
    get('stages of one that is not done after all', LIFE, { compare: TIMES }),
    post('complete as discarded', `${LIFE}/complete`, { status: 'discarded', statusValue: 'blue' }, { as: 'editor' }),
    get('stages of a discarded one', LIFE, { compare: TIMES }),
    get('event completed', '/api/admin/search/events?type=IS:feature-completed&limit=1', { compare: { ignore: ['total'] } }),
    post('uncomplete as editor', `${LIFE}/uncomplete`, undefined, { as: 'editor' }),
    get('event uncompleted', '/api/admin/search/events?type=IS:feature-uncompleted&limit=1', { compare: { ignore: ['total'] } }),
    post('complete a flag that is not there', `${FEATURES}/conf.lifecycle.none/lifecycle/complete`, { status: 'kept' }),
    post('uncomplete a flag that is not there', `${FEATURES}/conf.lifecycle.none/lifecycle/uncomplete`),
    post('complete through another project', `/api/admin/projects/none/features/${NAME}/lifecycle/complete`, { status: 'kept' }),
    del('archive', `${FEATURES}/conf.lifecycle.b`),
    stages('stages of an archived one', '$[1].stage', `${FEATURES}/conf.lifecycle.b/lifecycle`),
    post('complete an archived one', `${FEATURES}/conf.lifecycle.b/lifecycle/complete`, { status: 'kept' }),
    post('revive', '/api/admin/archive/revive/conf.lifecycle.b'),
    post('uncomplete the revived one', `${FEATURES}/conf.lifecycle.b/lifecycle/uncomplete`),
    get('stages of a revived one', `${FEATURES}/conf.lifecycle.b/lifecycle`, { until: { path: '$[1].stage', missing: true }, compare: TIMES }),
    post('uncomplete at last', `${LIFE}/uncomplete`),
];
