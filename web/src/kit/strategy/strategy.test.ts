import { expect, test } from 'vitest';
import {
  balanced,
  newDraft,
  rolloutOf,
  strategyFaults,
  strategyWarnings,
  type Variant,
  variantFaults,
} from './strategy';

const variant = (name: string, more: Partial<Variant> = {}): Variant => ({
  name,
  weight: 0,
  weightType: 'variable',
  stickiness: 'default',
  ...more,
});

test('weights always add up', () => {
  const cases: [Variant[], number[]][] = [
    [[variant('a')], [1000]],
    [
      [variant('a'), variant('b'), variant('c')],
      [334, 333, 333],
    ],
    [
      [variant('a', { weightType: 'fix', weight: 250 }), variant('b'), variant('c')],
      [250, 375, 375],
    ],
    [
      [variant('a', { weightType: 'fix', weight: 1000 }), variant('b')],
      [1000, 0],
    ],
    [
      [variant('a', { weightType: 'fix', weight: 300 }), variant('b', { weightType: 'fix', weight: 700 })],
      [300, 700],
    ],
  ];
  for (const [given, weights] of cases) expect(balanced(given).map(({ weight }) => weight)).toEqual(weights);
});

test('variants that cannot be saved', () => {
  const cases: [Variant[], string][] = [
    [[variant('')], 'needs a name'],
    [[variant('a'), variant('a')], 'twice'],
    [
      [variant('a', { weightType: 'fix', weight: 600 }), variant('b', { weightType: 'fix', weight: 600 })],
      'more than 100',
    ],
    [[variant('a', { weightType: 'fix', weight: 600 })], 'add up'],
    [[variant('a', { payload: { type: 'json', value: '{' } })], 'no JSON'],
    [[variant('a', { payload: { type: 'number', value: 'x' } })], 'no number'],
  ];
  for (const [given, expected] of cases) expect(variantFaults(given).join(' ')).toContain(expected);
  expect(variantFaults([variant('a', { payload: { type: 'json', value: '{"a": 1}' } }), variant('b')])).toEqual([]);
});

test('a share is read as the engine reads it', () => {
  for (const [text, share] of [
    ['50', 50],
    ['99.9', 99],
    ['-3', 0],
    ['1000', 100],
    ['x', 0],
  ] as const) {
    expect(rolloutOf({ name: 'flexibleRollout', parameters: { rollout: text } })).toBe(share);
  }
  expect(rolloutOf({ name: 'default', parameters: {} })).toBe(100);
});

test('what is seldom meant is said', () => {
  const everybody = newDraft('flexibleRollout', 'f');
  const nobody = { ...everybody, parameters: { ...everybody.parameters, rollout: '0' } };
  expect(strategyWarnings(nobody, [])).toEqual(['Its rollout is 0 %: nobody gets the feature by it.']);
  expect(strategyWarnings(nobody, [everybody])[1]).toContain('admits everybody already');
  expect(strategyWarnings(everybody, [nobody])[0]).toContain('no longer matter');
  expect(strategyWarnings(everybody, [])).toEqual([]);
  expect(
    strategyFaults({ ...everybody, constraints: [{ contextName: 'age', operator: 'NUM_GT', value: 'x' }] }),
  ).toEqual(['Constraint 1: This is no number.']);
});
