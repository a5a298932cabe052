import { expect, test } from 'vitest';
import { byHour, total } from './exposure';

const now = Date.parse('2026-05-01T12:30:00Z');
const row = (at: string, yes: number, no: number, environment = 'production', variants = {}) => ({
  at,
  environment,
  yes,
  no,
  variants,
});

test('reports are added up by hour and environment', () => {
  const hours = byHour(
    [
      row('2026-05-01T12:00:00Z', 3, 1, 'production', { red: 2, blue: 1 }),
      row('2026-05-01T12:10:00Z', 2, 0, 'production', { red: 2 }),
      row('2026-05-01T11:00:00Z', 1, 1),
      row('2026-05-01T12:00:00Z', 9, 9, 'development'),
      row('2026-04-01T12:00:00Z', 9, 9),
    ],
    'production',
    3,
    now,
  );
  expect(hours.map(({ yes, no }) => [yes, no])).toEqual([
    [0, 0],
    [1, 1],
    [5, 1],
  ]);
  expect(hours[2]?.variants).toEqual({ red: 4, blue: 1 });
  expect(total(hours)).toEqual({ yes: 6, no: 2, variants: { red: 4, blue: 1 } });
});
