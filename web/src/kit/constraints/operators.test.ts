import { expect, test } from 'vitest';
import { type Constraint, constraintFault, constraintText } from './operators';

test('faults are told while a constraint is typed', () => {
  const cases: [Partial<Constraint>, string | undefined][] = [
    [{ operator: 'IN', values: ['1'] }, undefined],
    [{ operator: 'IN', values: [] }, 'at least one'],
    [{ operator: 'NUM_GT', value: '1.5' }, undefined],
    [{ operator: 'NUM_GT', value: 'many' }, 'no number'],
    [{ operator: 'NUM_GT', value: ' ' }, 'Give a value'],
    [{ operator: 'DATE_AFTER', value: '2026-02-30T99:00' }, 'no date'],
    [{ operator: 'DATE_AFTER', value: '2026-02-28T10:00:00Z' }, undefined],
    [{ operator: 'SEMVER_GT', value: '1.2' }, 'three parts'],
    [{ operator: 'SEMVER_GT', value: '1.2.3-rc.1' }, undefined],
    [{ operator: 'REGEX', value: '^a(?=b)' }, 'look ahead'],
    [{ operator: 'REGEX', value: '(a)\\1' }, 'refer back'],
    [{ operator: 'REGEX', value: '[' }, 'Invalid'],
    [{ operator: 'REGEX', value: '^user-\\d+$' }, undefined],
    [{ operator: 'IN', values: ['1'], contextName: '' }, 'context field'],
  ];
  for (const [given, expected] of cases) {
    const fault = constraintFault({ contextName: 'userId', operator: 'IN', ...given });
    if (expected === undefined) expect(fault, JSON.stringify(given)).toBeUndefined();
    else expect(fault, JSON.stringify(given)).toContain(expected);
  }
});

test('a constraint is a sentence', () => {
  const values = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  expect(constraintText({ contextName: 'country', operator: 'IN', values })).toBe(
    'country is one of a, b, c, d, e and 2 more',
  );
  expect(constraintText({ contextName: 'age', operator: 'NUM_GTE', value: '18', inverted: true })).toBe(
    'age is not at least 18',
  );
});
