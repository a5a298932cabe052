import { expect, test } from 'vitest';
import { difference } from '../kit/diff/difference';
import { changesOf, countsOf, type Exported, exportedOf } from './exported';

const data: Exported = {
  features: [{ name: 'a', type: 'release', description: 'One' }],
  featureStrategies: [
    { id: '1', featureName: 'a', name: 'flexibleRollout', parameters: { rollout: '5' }, segments: [7], sortOrder: 1 },
    { id: '2', featureName: 'a', name: 'default', sortOrder: 0 },
  ],
  featureEnvironments: [{ name: 'a', featureName: 'a', environment: 'test', enabled: true }],
  segments: [{ id: 7, name: 'beta' }],
  tagTypes: [],
};

test('only exports are taken', () => {
  expect(exportedOf('{')).toHaveProperty('fault');
  expect(exportedOf('{}')).toHaveProperty('fault');
  expect(exportedOf('[]')).toHaveProperty('fault');
  expect(exportedOf(JSON.stringify(data))).toEqual({ data });
});

test('what an export holds, in a line', () => {
  expect(countsOf(data)).toBe('1 feature, 2 strategies, 1 segment');
  expect(countsOf({ features: [], featureStrategies: [], tagTypes: [] })).toBe('0 features');
});

test('numbers of another installation are no difference', () => {
  const elsewhere: Exported = {
    ...data,
    featureStrategies: data.featureStrategies.map((one) => ({
      ...one,
      id: `x${one.id}`,
      segments: one.segments ? [9] : [],
    })),
    segments: [{ id: 9, name: 'beta' }],
  };
  const [change] = changesOf({ changes: [{ feature: 'a', before: elsewhere, after: data }] });
  expect(change && difference(change.before, change.after)).toEqual([]);
});

test('what changes is told by feature', () => {
  const now: Exported = { ...data, featureEnvironments: [{ name: 'a', featureName: 'a', enabled: false }] };
  const changes = changesOf({
    changes: [
      { feature: 'a', before: now, after: data },
      { feature: 'b', before: null, after: { ...data, features: [{ name: 'b' }] } },
    ],
  });
  expect(changes.map(({ name, before }) => [name, before !== undefined])).toEqual([
    ['a', true],
    ['b', false],
  ]);
  expect(difference(changes[0]?.before, changes[0]?.after)).toEqual([{ path: 'enabled', before: false, after: true }]);
});
