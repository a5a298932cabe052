//! Limits that a single request can pass.
import { post } from '../lib/steps.mjs';

const STRATEGIES = '/api/admin/projects/default/features/conf.limits/environments/development/strategies';
const values = (n) => Array.from({ length: n }, (_, i) => String(i));
const IN = { contextName: 'userId', operator: 'IN', values: ['1'] };

export default [
    post('flag', '/api/admin/projects/default/features', { name: 'conf.limits' }),
    post('as many values as allowed', STRATEGIES, { name: 'default', constraints: [{ ...IN, values: values(250) }] }),
    post('one value too many', STRATEGIES, { name: 'default', constraints: [{ ...IN, values: values(251) }] }),
    post('as many constraints as allowed', STRATEGIES, { name: 'default', constraints: values(30).map(() => IN) }),
    post('one constraint too many', STRATEGIES, { name: 'default', constraints: values(31).map(() => IN) }),
    ...values(30).map((i) => post(`strategy ${i}`, '/api/admin/projects/default/features/conf.limits/environments/production/strategies', { name: 'default' })),
    post('one strategy too many', '/api/admin/projects/default/features/conf.limits/environments/production/strategies', { name: 'default' }),
    post('a segment with as many values as allowed', '/api/admin/segments', { name: 'limit', constraints: [{ ...IN, values: values(1000) }] }),
    post('a segment with one value too many', '/api/admin/segments', { name: 'limit-2', constraints: [{ ...IN, values: values(1001) }] }),
    post('a segment with one value too many over two constraints', '/api/admin/segments',
        { name: 'limit-3', constraints: [{ ...IN, values: values(600) }, { ...IN, values: values(401) }] }),
];
