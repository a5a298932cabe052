//! Letters: what they look like, and the one that resets a password. Neither server has a mail server here.
import { asEach, get, post } from '../lib/steps.mjs';

const FORGOTTEN = '/auth/reset/password-email';
const PREVIEW = '/api/admin/email/preview';
const ADMIN = '/api/admin/user-admin';
const USER = { username: 'conf-mail', name: 'Mail', email: 'conf-mail@example.com', rootRole: 3 };

export default [
    ...['getting-started', 'reset-password'].flatMap((template) => [
        get(`${template} as HTML`, `${PREVIEW}/html/${template}`),
        get(`${template} as text`, `${PREVIEW}/text/${template}`),
    ]),
    ...asEach(['editor', 'viewer', 'anon', 'badtoken', 'backend', 'frontend'],
        get('preview', `${PREVIEW}/text/reset-password`)),
    get('an unknown letter as HTML', `${PREVIEW}/html/nothing`),
    get('an unknown letter as text', `${PREVIEW}/text/nothing`),
    get('an unknown form of a letter', `${PREVIEW}/pdf/reset-password`),
    get('a letter about more environments', `${PREVIEW}/html/order-environments`),
    get('a report as a letter', `${PREVIEW}/text/productivity-report`),

    post('create a user with an invitation', ADMIN, { ...USER, sendEmail: true }),
    post('create a user without saying whether to invite', ADMIN, { ...USER, username: 'conf-mail-2', email: 'conf-mail-2@example.com' }),
    post('create a user with an odd invitation', ADMIN, { ...USER, username: 'conf-mail-3', email: 'conf-mail-3@example.com', sendEmail: 'often' }),
    post('a forgotten password', FORGOTTEN, { email: 'conf-mail@example.com' }, { as: 'anon' }),
    post('a forgotten password as somebody', FORGOTTEN, { email: 'conf-mail@example.com' }, { as: 'viewer' }),
    post('a forgotten password, address in capitals', FORGOTTEN, { email: 'Conf-Mail@Example.com' }, { as: 'anon' }),
    post('a forgotten password of nobody', FORGOTTEN, { email: 'conf-nobody@example.com' }, { as: 'anon' }),
    post('a forgotten password by user name', FORGOTTEN, { email: 'conf-mail' }, { as: 'anon' }),
    post('a forgotten password without address', FORGOTTEN, {}, { as: 'anon' }),
    post('a forgotten password with a number as address', FORGOTTEN, { email: 7 }, { as: 'anon' }),
    post('a forgotten password with null as address', FORGOTTEN, { email: null }, { as: 'anon' }),
    post('a forgotten password with an unknown field', FORGOTTEN, { email: 'conf-mail@example.com', colour: 'red' }, { as: 'anon' }),
    get('the state of mail', '/api/admin/ui-config', { compare: { ignore: ['resourceLimits*', 'flags*', 'versionInfo*', 'frontendApiOrigins*', 'environment', 'name', 'version', 'unleashUrl', 'impactMetrics', 'slogan', 'links*', 'baseUriPath', 'strategySegmentsLimit', 'segmentValuesLimit', 'maxSessionsCount', 'unleashContext'] } }),
];
