import { expect, test } from 'vitest';
import { inDays, localText, momentOf } from './expiry';

test('days are counted from now', () => {
  expect(inDays(7, Date.parse('2026-01-01T12:00:00Z'))).toBe('2026-01-08T12:00:00.000Z');
});

test('a moment survives the field that shows it', () => {
  const moment = '2026-06-30T10:45:00.000Z';
  expect(momentOf(localText(moment))).toBe(moment);
});

test('what is not complete is nothing', () => {
  expect(momentOf('')).toBe('');
  expect(localText('')).toBe('');
});
