import { expect, test } from 'vitest';
import { percentOf } from './limits';

test('the share of a limit that is used', () => {
  expect(percentOf({ name: 'x', used: 5, most: 20 })).toBe(25);
  expect(percentOf({ name: 'x', most: 20 })).toBeUndefined();
  expect(percentOf({ name: 'x', used: 5, most: 0 })).toBeUndefined();
});
