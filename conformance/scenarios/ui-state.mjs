//! What user interfaces remember, and who has created features.
import { asEach, get, post, put } from '../lib/steps.mjs';

const FEEDBACK = '/api/admin/feedback';
const me = (name, as) => get(name, '/api/admin/user', { as, compare: { unordered: true, ignore: ['user.*', 'permissions*'] } });
const NOW = { compare: { ignore: ['given'] } };
const viewer = { as: 'viewer', ...NOW };

export default [
    me('me at first', 'viewer'),
    post('see a splash', '/api/admin/splash/conf-hello', {}, { as: 'viewer' }),
    post('see it again', '/api/admin/splash/conf-hello', {}, { as: 'viewer' }),
    post('see a splash by session', '/api/admin/splash/conf-hello', {}, { as: 'editor-session' }),
    ...asEach(['anon', 'admin', 'backend'], post('see a splash', '/api/admin/splash/conf-hello', {})),
    me('me with a splash', 'viewer'),
    post('give feedback', FEEDBACK, { feedbackId: 'conf-why' }, viewer),
    post('give it again', FEEDBACK, { feedbackId: 'conf-why' }, viewer),
    post('give feedback for ever', FEEDBACK, { feedbackId: 'conf-never', neverShow: true }, viewer),
    post('give feedback without id', FEEDBACK, {}, viewer),
    post('give feedback with an empty id', FEEDBACK, { feedbackId: '' }, viewer),
    post('give feedback with a word for a boolean', FEEDBACK, { feedbackId: 'conf-why', neverShow: 'sometimes' }, viewer),
    ...asEach(['anon', 'admin', 'backend'], post('give feedback', FEEDBACK, { feedbackId: 'conf-why' })),
    put('update feedback', `${FEEDBACK}/conf-why`, { neverShow: true, given: '2026-01-31T12:00:00.000Z' }, viewer),
    put('update feedback with nothing', `${FEEDBACK}/conf-why`, {}, viewer),
    put('update feedback with null', `${FEEDBACK}/conf-why`, { neverShow: false, given: null }, viewer),
    put('update feedback of somebody else', `${FEEDBACK}/conf-why`, { neverShow: true, userId: 1 }, viewer),
    put('update feedback that was not given', `${FEEDBACK}/conf-new`, { neverShow: true }, viewer),
    put('update feedback with a wrong time', `${FEEDBACK}/conf-why`, { given: 'yesterday' }, viewer),
    put('update feedback with a word for a boolean', `${FEEDBACK}/conf-why`, { neverShow: 'sometimes' }, viewer),
    ...asEach(['anon', 'admin', 'backend'], put('update feedback', `${FEEDBACK}/conf-why`, { neverShow: true })),
    get('me at last', '/api/admin/user', { as: 'viewer', compare: { unordered: true, ignore: ['user.*', 'permissions*', 'feedback*given'] } }),
    me('me as somebody else', 'admin-user'),

    post('record an error', '/api/admin/record-ui-error', { errorMessage: 'It broke.', errorStack: 'at one' }, { as: 'viewer' }),
    post('record an error without stack', '/api/admin/record-ui-error', { errorMessage: 'It broke.' }, { as: 'viewer' }),
    post('record nothing', '/api/admin/record-ui-error', {}, { as: 'viewer' }),
    ...asEach(['anon', 'admin', 'backend'], post('record an error', '/api/admin/record-ui-error', { errorMessage: 'It broke.' })),

    post('flag', '/api/admin/projects/default/features', { name: 'conf.created' }, { as: 'editor' }),
    get('flag creators', '/api/admin/flag-creators', { compare: { unordered: true, ignore: ['total'], only: { flagCreators: 'Conf ' } } }),
    get('flag creators of a project', '/api/admin/projects/default/flag-creators', { compare: { body: false } }),
    get('flag creators of an unknown project', '/api/admin/projects/conf-none/flag-creators'),
    ...asEach(['anon', 'viewer', 'backend'], get('flag creators', '/api/admin/flag-creators', { compare: { body: false } })),
    ...asEach(['anon', 'backend'], get('flag creators of a project', '/api/admin/projects/default/flag-creators', { compare: { body: false } })),
];
