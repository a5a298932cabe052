//! Export, validation and import of features.
import { asEach, del, get, LATER, post, put } from '../lib/steps.mjs';

const EXPORT = '/api/admin/features-batch/export';
const VALIDATE = '/api/admin/features-batch/validate';
const IMPORT = '/api/admin/features-batch/import';
const FEATURES = '/api/admin/projects/default/features';
const USER = { as: 'admin-user' };
const PROSE = { compare: { unordered: true, ignore: ['errors[*].message', 'warnings[*].message', 'permissions[*].message'] } };
const TAKEN = { unordered: true, ignore: ['tagTypes[*].description'] };
const SORTED = { compare: { unordered: true } };

const nothing = { features: [], featureStrategies: [], featureEnvironments: [], contextFields: [], featureTags: [], segments: [], tagTypes: [], dependencies: [], links: [] };
const into = (data, more) => ({ project: 'default', environment: 'development', data: { ...nothing, ...data }, ...more });
const named = (...names) => names.map((name) => ({ name }));
const take = (name, query, more) => post(`export ${name}`, EXPORT, { environment: 'development', ...query }, { compare: TAKEN, ...more });
const check = (name, data, more) => post(`validate ${name}`, VALIDATE, into(data), { ...USER, ...PROSE, ...more });
const bring = (name, data, more) => post(`import ${name}`, IMPORT, into(data), { ...USER, ...more });
const look = (name, feature) => get(name, `${FEATURES}/${feature}?variantEnvironments=true`, { compare: { ...LATER, ignore: [...LATER.ignore, 'collaborators*', 'links[*].feature'] } });
const event = (name, type) => get(`event of ${name}`, `/api/admin/search/events?type=IS:${type}&limit=1`, { compare: { ignore: ['total'] } });

const whole = {
    features: [
        { name: 'conf-transfer-new', type: 'kill-switch', description: 'Imported', stale: true, impressionData: true, project: 'elsewhere', archived: false },
        { name: 'conf-transfer-plain' },
    ],
    featureStrategies: [
        {
            name: 'flexibleRollout', id: '01M8AYBDQAP7T9QVTM5KYV11K8', featureName: 'conf-transfer-new', title: 'Some', disabled: false, sortOrder: 0,
            constraints: [{ contextName: 'conf-transfer-field', operator: 'IN', values: ['a'] }],
            parameters: { rollout: '30', stickiness: 'default', groupId: 'conf-group' }, segments: [777],
            variants: [{ name: 'blue', weight: 1000, weightType: 'variable', stickiness: 'default' }],
        },
        { name: 'conf-transfer-type', featureName: 'conf-transfer-new', parameters: {}, constraints: [], disabled: true, sortOrder: 1 },
    ],
    featureEnvironments: [
        { name: 'conf-transfer-new', featureName: 'conf-transfer-new', environment: 'elsewhere', enabled: true, variants: [{ name: 'red', weight: 1000, weightType: 'variable', stickiness: 'default' }] },
        { name: 'conf-transfer-plain', featureName: 'conf-transfer-plain', environment: 'elsewhere', enabled: true },
    ],
    contextFields: [{ name: 'conf-transfer-field', description: 'From elsewhere', legalValues: [{ value: 'a' }], stickiness: true }],
    featureTags: [
        { featureName: 'conf-transfer-new', tagType: 'conf-transfer-kind', tagValue: 'conf-x' },
        { featureName: 'conf-transfer-new', tagType: 'simple', tagValue: 'conf-y' },
    ],
    segments: [{ id: 777, name: 'conf-transfer-segment' }],
    tagTypes: [{ name: 'conf-transfer-kind', description: 'From elsewhere', icon: 'i' }, { name: 'simple', description: 'another' }],
    dependencies: [{ feature: 'conf-transfer-new', dependencies: [{ feature: 'conf-transfer-plain', enabled: true }] }],
    links: [{ feature: 'conf-transfer-new', links: [{ id: 'x', url: 'https://example.com/conf', title: 'More' }] }],
};
const again = { ...whole, features: [{ name: 'conf-transfer-new', type: 'release' }], featureStrategies: [whole.featureStrategies[1]], dependencies: [], featureTags: [], links: [] };

export default [
    post('make a segment', '/api/admin/segments', { name: 'conf-transfer-segment', constraints: [] }, { save: { transferSegment: '$.id' } }),
    post('make a type of strategies', '/api/admin/strategies', { name: 'conf-transfer-type', parameters: [] }, { compare: { body: false } }),
    post('make a field', '/api/admin/context', { name: 'conf-transfer-legal', legalValues: [{ value: 'a' }, { value: 'b' }] }, { compare: { body: false } }),
    post('make a tag', '/api/admin/tags', { type: 'simple', value: 'conf-transfer' }, { compare: { body: false } }),

    check('all of it', whole),
    check('nothing', {}),
    check('nothing but what is required', {}, { body: { project: 'default', environment: 'development', data: { features: [], featureStrategies: [], tagTypes: [] } } }),
    ...asEach(['anon', 'backend', 'frontend', 'badtoken'], check('all of it', whole)),
    ...asEach(['editor', 'admin'], check('all of it', whole)),
    post('validate all of it as viewer', VALIDATE, into(whole), { as: 'viewer', ...PROSE }),
    post('validate nothing as viewer', VALIDATE, into({}), { as: 'viewer', ...PROSE }),
    check('a feature twice', { features: named('conf-transfer-a', 'conf-transfer-a') }),
    check('an unknown type of strategies', { features: named('conf-transfer-a'), featureStrategies: [{ name: 'conf-unknown', featureName: 'conf-transfer-a' }] }),
    check('an unknown segment', { features: named('conf-transfer-a'), segments: [{ id: 5, name: 'conf-unknown' }] }),
    check('values that are not legal', { contextFields: [{ name: 'conf-transfer-legal', legalValues: [{ value: 'c' }] }] }),
    check('some of the legal values', { contextFields: [{ name: 'conf-transfer-legal', legalValues: [{ value: 'a' }] }] }),
    check('no legal values', { contextFields: [{ name: 'conf-transfer-legal' }] }),
    check('legal values where any are', { contextFields: [{ name: 'userId', legalValues: [{ value: 'a' }] }] }),
    check('an unknown parent', { features: named('conf-transfer-a'), dependencies: [{ feature: 'conf-transfer-a', dependencies: [{ feature: 'conf-unknown' }] }] }),
    check('several of these', {
        features: named('conf-transfer-a', 'conf-transfer-a'), segments: [{ id: 5, name: 'conf-unknown' }],
        featureStrategies: [{ name: 'conf-unknown', featureName: 'conf-transfer-a' }, { name: 'conf-transfer-type', featureName: 'conf-transfer-a' }],
    }),
    ...['project', 'environment', 'data'].map((field) => post(`validate without ${field}`, VALIDATE, { ...into({}), [field]: undefined }, USER)),
    ...['features', 'featureStrategies', 'tagTypes'].flatMap((field) => [
        check(`without ${field}`, { [field]: undefined }),
        check(`with a text as ${field}`, { [field]: 'x' }),
    ]),
    ...['featureStrategies', 'tagTypes', 'featureTags', 'segments', 'dependencies', 'links', 'contextFields', 'featureEnvironments', 'features'].map(
        (field) => check(`with nothing among ${field}`, { [field]: [{}] }),
    ),
    check('an unknown field', { colour: [] }),
    check('an unknown field of a strategy', { featureStrategies: [{ name: 'default', featureName: 'a', colour: 'red' }] }),
    check('an unknown field of a tag', { featureTags: [{ featureName: 'a', tagValue: 'aa', colour: 'red' }] }),
    check('a link without address', { links: [{ feature: 'a', links: [{}] }] }),
    post('validate with an unknown field', VALIDATE, { ...into({}), colour: 'red' }, USER),
    post('validate a list', VALIDATE, [], USER),
    post('validate without body', VALIDATE, undefined, USER),
    post('validate what is no JSON', VALIDATE, undefined, { ...USER, raw: '{' }),

    ...asEach(['anon', 'backend', 'viewer'], bring('all of it', whole)),
    bring('all of it with an admin token', whole, { as: 'admin' }),
    bring('an unknown type of strategies', { features: named('conf-transfer-a'), featureStrategies: [{ name: 'conf-unknown', featureName: 'conf-transfer-a' }] }),
    bring('an unknown segment', { features: named('conf-transfer-a'), segments: [{ id: 5, name: 'conf-unknown' }] }),
    bring('values that are not legal', { contextFields: [{ name: 'conf-transfer-legal', legalValues: [{ value: 'c' }] }] }),
    bring('an unknown parent', { features: named('conf-transfer-a'), dependencies: [{ feature: 'conf-transfer-a', dependencies: [{ feature: 'conf-unknown' }] }] }),
    bring('a feature twice', { features: named('conf-transfer-a', 'conf-transfer-a') }),
    bring('a strategy of nothing', { featureStrategies: [{ name: 'default', featureName: 'conf-unknown' }] }),
    bring('tags of nothing', { featureTags: [{ featureName: 'conf-unknown', tagType: 'simple', tagValue: 'conf' }] }),
    bring('a tag of an unknown type', { features: named('conf-transfer-a'), featureTags: [{ featureName: 'conf-transfer-a', tagType: 'conf-unknown', tagValue: 'conf' }] }),
    bring('a wrong name', { features: named('conf transfer') }),
    bring('a wrong name of a field', { contextFields: [{ name: 'conf transfer' }] }),
    bring('into an unknown project', {}, { body: into({ features: named('conf-transfer-a') }, { project: 'conf-unknown' }) }),
    bring('without data', {}, { body: { project: 'default', environment: 'development' } }),
    get('nothing of it is there', `${FEATURES}/conf-transfer-a`),
    bring('all of it', whole),
    look('look at what was imported', 'conf-transfer-new'),
    look('look at what was imported without strategies', 'conf-transfer-plain'),
    get('tags', '/api/admin/features/conf-transfer-new/tags', SORTED),
    get('field', '/api/admin/context/conf-transfer-field'),
    get('tag type', '/api/admin/tag-types/conf-transfer-kind'),
    get('tag type that was there', '/api/admin/tag-types/simple', { compare: { ignore: ['tagType.description'] } }),
    event('the import', 'features-imported'),
    event('a feature created', 'feature-created'),
    event('a dependency', 'feature-dependency-added'),
    event('a link', 'feature-link-added'),
    event('a tag type', 'tag-type-created'),
    event('variants', 'feature-environment-variants-updated'),
    check('what is there', whole),
    bring('all of it again', whole),
    look('look at what was imported again', 'conf-transfer-new'),
    put('change the tags', '/api/admin/features/conf-transfer-new/tags', { addedTags: [{ type: 'simple', value: 'conf-transfer' }], removedTags: [] }, { compare: { body: false } }),

    take('by names', { features: ['conf-transfer-new', 'conf-transfer-plain'] }),
    ...asEach(['anon', 'viewer', 'editor', 'backend', 'frontend'], take('by names', { features: ['conf-transfer-new'] })),
    event('the export', 'features-exported'),
    take('by a tag', { tag: 'conf-transfer' }),
    take('by a tag with its type', { tag: 'simple:conf-transfer' }),
    take('by a tag that nothing has', { tag: 'conf-unknown' }),
    take('by a tag and names', { tag: 'conf-transfer', features: ['conf-transfer-plain'] }),
    take('a project', { project: 'default' }, { compare: { body: false } }),
    take('an unknown project', { project: 'conf-unknown' }),
    take('an unknown project and no names', { project: 'conf-unknown', features: [] }),
    take('by names and a project', { project: 'default', features: ['conf-transfer-plain'] }),
    take('an unknown feature', { features: ['conf-unknown'] }),
    take('to keep', { features: ['conf-transfer-plain'], downloadFile: true }),
    take('from another environment', { environment: 'production', features: ['conf-transfer-new'] }),
    take('from an unknown environment', { environment: 'conf-unknown', features: ['conf-transfer-new'] }),
    take('with more', { features: ['conf-transfer-plain'], colour: 'red' }),
    take('what nothing says', {}),
    take('without environment', { environment: undefined, features: ['conf-transfer-new'] }),
    take('nothing', { environment: undefined }),
    take('a text as names', { features: 'x' }),
    take('an empty name', { features: [''] }),
    take('a text as file', { features: ['conf-transfer-new'], downloadFile: 'yes' }),

    bring('less', again),
    look('look at what was imported with less', 'conf-transfer-new'),
    get('tags of what was imported with less', '/api/admin/features/conf-transfer-new/tags'),
    bring('without environments', { ...whole, featureEnvironments: [], dependencies: [] }),
    look('look at what was imported without environments', 'conf-transfer-new'),
    post('make one to archive', FEATURES, { name: 'conf-transfer-old' }, { compare: { body: false } }),
    del('archive it', `${FEATURES}/conf-transfer-old`),
    check('what is archived', { features: named('conf-transfer-old'), featureStrategies: [{ name: 'default', featureName: 'conf-transfer-old' }] }),
    bring('what is archived', { features: named('conf-transfer-old'), featureStrategies: [{ name: 'default', featureName: 'conf-transfer-old' }] }),
    take('what is archived', { features: ['conf-transfer-old'] }),
    bring('a strategy more', { featureStrategies: [{ name: 'default', featureName: 'conf-transfer-plain' }] }),
    look('look at one with a strategy more', 'conf-transfer-plain'),
    bring('as editor', { features: named('conf-transfer-editor') }, { as: 'editor' }),
    bring('into an unknown environment', {}, { body: into({ features: named('conf-transfer-nowhere') }, { environment: 'conf-unknown' }) }),
    bring('a share that is none', { features: named('conf-transfer-share'), featureStrategies: [{ name: 'flexibleRollout', featureName: 'conf-transfer-share', parameters: { rollout: '500' } }] }),
    bring('a feature of an unknown type', { features: [{ name: 'conf-transfer-type', type: 'conf-unknown' }] }),
    bring('a segment that is not in the data', { features: named('conf-transfer-segment'), featureStrategies: [{ name: 'default', featureName: 'conf-transfer-segment', segments: [5] }] }),
];
