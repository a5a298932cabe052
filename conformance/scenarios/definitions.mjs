//! Strategy definitions and feature types.
import { asEach, get } from '../lib/steps.mjs';

export default [
    get('strategies', '/api/admin/strategies', { compare: { ignore: ['*description', '*title', '*displayName'], unordered: ['strategies'] } }),
    get('one strategy', '/api/admin/strategies/flexibleRollout', { compare: { ignore: ['*description', '*title', '*displayName'] } }),
    get('default strategy', '/api/admin/strategies/default', { compare: { ignore: ['*description', '*title', '*displayName'] } }),
    get('an unknown strategy', '/api/admin/strategies/spaceship'),
    ...asEach(['anon', 'backend', 'viewer'], get('strategies', '/api/admin/strategies', { compare: { body: false } })),
    get('feature types', '/api/admin/feature-types', { compare: { ignore: ['*description'] } }),
    get('feature types as viewer', '/api/admin/feature-types', { as: 'viewer', compare: { ignore: ['*description'] } }),
    get('feature types as anon', '/api/admin/feature-types', { as: 'anon' }),
];
