//! Makes, over the admin API, flags of every kind and tokens to see them with; says what each must answer to whom.
import { hostname } from 'node:os';

/** A gradual rollout's answer depends on the group id and the value of the stickiness only, so it can be written down. */
const GROUP = 'sdk-rollout';

/** Strategies that new instances of the reference lack, but which the SDKs have to this day. */
const OLD_STRATEGIES = {
    userWithId: ['userIds', 'list'],
    gradualRolloutUserId: ['percentage', 'percentage', 'groupId', 'string'],
    gradualRolloutSessionId: ['percentage', 'percentage', 'groupId', 'string'],
    gradualRolloutRandom: ['percentage', 'percentage'],
};

export class Admin {
    constructor(base, token) {
        this.base = base;
        this.token = token;
    }

    async call(method, path, body) {
        const response = await fetch(this.base + path, {
            method,
            headers: { authorization: this.token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await response.text();
        return { status: response.status, text, json: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined };
    }

    async must(method, path, body) {
        const answer = await this.call(method, path, body);
        if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
        return answer.json;
    }
}

const variant = (name, weight, more) => ({ name, weight, weightType: 'variable', stickiness: 'userId', ...more });
const rollout = (percent, stickiness, more) =>
    ({ name: 'flexibleRollout', parameters: { rollout: String(percent), stickiness, groupId: GROUP }, ...more });
const constrained = (...constraints) => ({ name: 'default', constraints });
const on = (context = {}, more) => ({ context, enabled: true, ...more });
const off = (context = {}, more) => ({ context, enabled: false, ...more });
const property = (name, value) => ({ properties: { [name]: value } });
/** Answers of a gradual rollout to several users. */
const each = (field, answers) => Object.entries(answers).map(([value, enabled]) => ({ context: { [field]: value }, enabled }));
/** Cases that an SDK cannot answer, with the reason; the run says which it left out. */
const inServer = (reason) => ({ browser: reason, 'ofrep-server': reason, 'ofrep-web': reason });
const HOST = { except: { ...inServer('the server evaluates, and a host name means the caller\'s'), python: 'its engine is not told the host name' } };
const ADDRESS = { except: inServer('the server sees an address in any case') };
const OWN_SESSION = { except: { browser: 'this SDK makes a session id when it is given none' } };
const PARENT_OFF = { except: { browser: 'the reference\'s frontend API forgets parents that are off' } };

/** Kind of flag: its strategies, its other parts, and cases of context and answer. */
const KINDS = {
    default: { strategies: [{ name: 'default' }], cases: [on(), on({ userId: 'anna' })] },
    off: { strategies: [{ name: 'default' }], enabled: false, cases: [off()] },
    'disabled-strategy': { strategies: [{ name: 'default', disabled: true }, constrained({ contextName: 'userId', operator: 'IN', values: ['anna'] })],
        cases: [off({ userId: 'berta' }), on({ userId: 'anna' })] },
    'user-with-id': { strategies: [{ name: 'userWithId', parameters: { userIds: 'anna, berta' } }],
        cases: [on({ userId: 'anna' }), on({ userId: 'berta' }), off({ userId: 'carla' }), off()] },
    'gradual-user': { strategies: [{ name: 'gradualRolloutUserId', parameters: { percentage: '50', groupId: GROUP } }],
        cases: [...each('userId', { 1: true, 2: true, 3: false, 4: true, 5: false, 6: true }), off()] },
    'gradual-session': { strategies: [{ name: 'gradualRolloutSessionId', parameters: { percentage: '50', groupId: GROUP } }],
        cases: [...each('sessionId', { 1: true, 2: true, 3: false, 4: true, 5: false, 6: true }), off({}, OWN_SESSION)] },
    'gradual-random': { strategies: [{ name: 'gradualRolloutRandom', parameters: { percentage: '100' } }], cases: [on()] },
    'gradual-random-none': { strategies: [{ name: 'gradualRolloutRandom', parameters: { percentage: '0' } }], cases: [off()] },
    'rollout-user': { strategies: [rollout(50, 'userId')],
        cases: [...each('userId', { 1: true, 2: true, 3: false, 4: true, 5: false, 6: true }), off({ sessionId: '2' })] },
    'rollout-session': { strategies: [rollout(50, 'sessionId')], cases: [...each('sessionId', { 1: true, 3: false, 6: true }), off({ userId: '2' }, OWN_SESSION)] },
    'rollout-default': { strategies: [rollout(50, 'default')],
        cases: [...each('userId', { 3: false, 2: true }), ...each('sessionId', { 5: false, 6: true })] },
    'rollout-property': { strategies: [rollout(50, 'team')], cases: [off(property('team', '3')), on(property('team', '2')), off({ userId: '2' })] },
    'rollout-random': { strategies: [rollout(100, 'random')], cases: [on()] },
    'rollout-none': { strategies: [rollout(0, 'default')], cases: [off({ userId: '2' })] },
    address: { strategies: [{ name: 'remoteAddress', parameters: { IPs: '10.0.0.0/8, 192.168.1.1' } }],
        cases: [on({ remoteAddress: '10.1.2.3' }), on({ remoteAddress: '192.168.1.1' }), off({ remoteAddress: '192.168.1.2' }), off({}, ADDRESS)] },
    host: { strategies: [{ name: 'applicationHostname', parameters: { hostNames: `some-other-host,${hostname()}` } }], cases: [on({}, HOST)] },
    'host-other': { strategies: [{ name: 'applicationHostname', parameters: { hostNames: 'some-other-host' } }], cases: [off()] },
    in: { strategies: [constrained({ contextName: 'userId', operator: 'IN', values: ['anna', 'berta'] })],
        cases: [on({ userId: 'anna' }), off({ userId: 'carla' }), off()] },
    'not-in': { strategies: [constrained({ contextName: 'userId', operator: 'NOT_IN', values: ['anna'] })], cases: [off({ userId: 'anna' }), on({ userId: 'carla' }), on()] },
    inverted: { strategies: [constrained({ contextName: 'userId', operator: 'IN', values: ['anna'], inverted: true })], cases: [off({ userId: 'anna' }), on({ userId: 'carla' })] },
    'starts-with': { strategies: [constrained({ contextName: 'plan', operator: 'STR_STARTS_WITH', values: ['go', 'pl'] })],
        cases: [on(property('plan', 'gold')), off(property('plan', 'Gold')), off()] },
    'ends-with': { strategies: [constrained({ contextName: 'plan', operator: 'STR_ENDS_WITH', values: ['LD'], caseInsensitive: true })],
        cases: [on(property('plan', 'gold')), off(property('plan', 'silver'))] },
    contains: { strategies: [constrained({ contextName: 'plan', operator: 'STR_CONTAINS', values: ['ol'] })], cases: [on(property('plan', 'gold')), off(property('plan', 'silver'))] },
    'num-eq': { strategies: [constrained({ contextName: 'age', operator: 'NUM_EQ', value: '18' })], cases: [on(property('age', '18.0')), off(property('age', '17'))] },
    'num-range': { strategies: [constrained({ contextName: 'age', operator: 'NUM_GTE', value: '18' }, { contextName: 'age', operator: 'NUM_LT', value: '65' })],
        cases: [on(property('age', '18')), on(property('age', '64.9')), off(property('age', '65')), off(property('age', '17')), off(property('age', 'old'))] },
    'date-after': { strategies: [constrained({ contextName: 'currentTime', operator: 'DATE_AFTER', value: '2020-01-01T00:00:00.000Z' })], cases: [on()] },
    'date-before': { strategies: [constrained({ contextName: 'currentTime', operator: 'DATE_BEFORE', value: '2020-01-01T00:00:00.000Z' })], cases: [off()] },
    semver: { strategies: [constrained({ contextName: 'version', operator: 'SEMVER_GT', value: '1.2.3' })],
        cases: [on(property('version', '1.10.0')), off(property('version', '1.2.3')), off(property('version', '1.2.3-rc.1')), off(property('version', 'one'))] },
    'two-strategies': { strategies: [constrained({ contextName: 'userId', operator: 'IN', values: ['anna'] }), constrained({ contextName: 'plan', operator: 'IN', values: ['gold'] })],
        cases: [on({ userId: 'anna' }), on({ userId: 'carla', ...property('plan', 'gold') }), off({ userId: 'carla' })] },
    segment: { strategies: [{ name: 'default', segments: ['members'] }], cases: [on({ userId: 'anna' }), off({ userId: 'carla' })] },
    'segment-and-constraint': { strategies: [{ ...constrained({ contextName: 'plan', operator: 'IN', values: ['gold'] }), segments: ['members'] }],
        cases: [on({ userId: 'anna', ...property('plan', 'gold') }), off({ userId: 'anna' }), off(property('plan', 'gold'))] },
    variant: { strategies: [rollout(100, 'userId', { variants: [variant('only', 1000, { payload: { type: 'json', value: '{"a":1}' } })] })],
        cases: [on({ userId: 'anna' }, { variant: { name: 'only', payload: { type: 'json', value: '{"a":1}' } } })] },
    'variant-split': { strategies: [rollout(100, 'userId', { variants: [variant('red', 500, { payload: { type: 'string', value: 'r' } }), variant('blue', 500)] })],
        cases: Object.entries({ 1: 'blue', 2: 'blue', 3: 'blue', 6: 'red' }).map(([userId, name]) =>
            on({ userId }, { variant: { name, payload: name === 'red' ? { type: 'string', value: 'r' } : undefined } })) },
    'variant-off': { strategies: [rollout(0, 'userId', { variants: [variant('only', 1000)] })], cases: [off({ userId: 'anna' }, { variant: { name: 'disabled' } })] },
    'variant-of-flag': { strategies: [{ name: 'default' }], variants: [variant('old', 1000, { payload: { type: 'csv', value: 'a,b' } })],
        cases: [on({ userId: 'anna' }, { variant: { name: 'old', payload: { type: 'csv', value: 'a,b' } } })] },
    impression: { strategies: [{ name: 'default' }], impressionData: true, cases: [on()] },
    'child-of-on': { strategies: [{ name: 'default' }], parent: { feature: 'in' }, cases: [on({ userId: 'anna' }), off({ userId: 'carla' })] },
    'child-of-off': { strategies: [{ name: 'default' }], parent: { feature: 'off', enabled: false }, cases: [on({}, PARENT_OFF)] },
    'child-of-variant': { strategies: [{ name: 'default' }], parent: { feature: 'variant-split', variants: ['red'] }, cases: [on({ userId: '6' }), off({ userId: '1' })] },
};

/** Flags each SDK gets for itself: one that is switched while it looks, one whose metrics are counted. */
const OWN = ['switch', 'metrics'];

async function defineStrategies(admin) {
    for (const [name, fields] of Object.entries(OLD_STRATEGIES)) {
        if ((await admin.call('GET', `/api/admin/strategies/${name}`)).status === 200) continue;
        const parameters = [];
        for (let i = 0; i < fields.length; i += 2) parameters.push({ name: fields[i], type: fields[i + 1], required: false, description: '' });
        await admin.must('POST', '/api/admin/strategies', { name, description: '', parameters });
    }
}

async function makeFlag(admin, name, kind, segments, parentName) {
    const flag = `/api/admin/projects/default/features/${name}`;
    await admin.must('POST', '/api/admin/projects/default/features', { name, type: 'release', impressionData: kind.impressionData === true });
    for (const strategy of kind.strategies) {
        await admin.must('POST', `${flag}/environments/development/strategies`,
            { ...strategy, segments: strategy.segments?.map((segment) => segments[segment]) });
    }
    if (kind.variants) await admin.must('PUT', `${flag}/variants-batch`, { environments: ['development'], variants: kind.variants });
    if (kind.parent) await admin.must('POST', `${flag}/dependencies`, { ...kind.parent, feature: parentName(kind.parent.feature) });
    if (kind.enabled !== false) await admin.must('POST', `${flag}/environments/development/on`);
}

/** Makes it all under names of its own, so that it can be run again on the same server. */
export async function makeFixture(admin, sdks) {
    const prefix = `sdk-${Date.now().toString(36)}`;
    const name = (kind) => `${prefix}.${kind}`;
    await defineStrategies(admin);
    const members = await admin.must('POST', '/api/admin/segments',
        { name: `${prefix}-members`, constraints: [{ contextName: 'userId', operator: 'IN', values: ['anna', 'berta'] }] });
    for (const [kind, flag] of Object.entries(KINDS)) await makeFlag(admin, name(kind), flag, { members: members.id }, name);
    for (const own of OWN) {
        for (const sdk of sdks) await makeFlag(admin, name(`${own}-${sdk}`), { strategies: [{ name: 'default' }], enabled: own === 'metrics' }, {}, name);
    }
    const token = (type) => admin.must('POST', '/api/admin/projects/default/api-tokens', { type, environment: 'development', tokenName: `${prefix}-${type}` });
    return {
        prefix,
        name,
        backendToken: (await token('backend')).secret,
        frontendToken: (await token('frontend')).secret,
        cases: Object.entries(KINDS).flatMap(([kind, { cases }]) => cases.map((c) => ({ kind, flag: name(kind), ...c })))
            .concat([{ kind: 'unknown flag', flag: name('nothing'), context: {}, enabled: false }]),
    };
}
