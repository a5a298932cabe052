import { expect, test } from 'vitest';
import { contextOf, contextText, given, localTime, momentOf } from './context';

test('a context comes back from the address as it was', () => {
  const check = (context: Record<string, string>) => expect(contextOf(contextText(context))).toEqual(context);
  check({});
  check({ userId: '7' });
  check({ userId: 'a&b=c', 'odd name': '100 %, "x"', empty: '' });
  expect(contextOf(undefined)).toEqual({});
});

test('what was left empty is not sent', () => {
  expect(given({ userId: '', region: ' ', plan: 'pro' })).toEqual({ plan: 'pro' });
});

test('a moment stays the same through the local time', () => {
  expect(momentOf(localTime('2026-01-31T12:34:00.000Z'))).toBe('2026-01-31T12:34:00.000Z');
  expect(momentOf('')).toBe('');
  expect(localTime('no time')).toBe('');
});
