import type { Schemas } from '../api/client';

export type Hour = { at: number; yes: number; no: number; variants: Record<string, number> };

const hour = 3_600_000;

/** What was reported in one environment hour by hour; hours without reports are there as well. */
export function byHour(rows: Schemas['ExposureHour'][], environment: string, hoursBack: number, now: number): Hour[] {
  const last = Math.floor(now / hour) * hour;
  const hours = new Map<number, Hour>();
  for (let at = last - (hoursBack - 1) * hour; at <= last; at += hour)
    hours.set(at, { at, yes: 0, no: 0, variants: {} });
  for (const row of rows) {
    const slot = hours.get(Math.floor(Date.parse(row.at) / hour) * hour);
    if (row.environment !== environment || slot === undefined) continue;
    slot.yes += row.yes;
    slot.no += row.no;
    for (const [name, count] of Object.entries(row.variants)) slot.variants[name] = (slot.variants[name] ?? 0) + count;
  }
  return [...hours.values()];
}

/** Over all hours. */
export function total(hours: Hour[]): Omit<Hour, 'at'> {
  const sum: Omit<Hour, 'at'> = { yes: 0, no: 0, variants: {} };
  for (const { yes, no, variants } of hours) {
    sum.yes += yes;
    sum.no += no;
    for (const [name, count] of Object.entries(variants)) sum.variants[name] = (sum.variants[name] ?? 0) + count;
  }
  return sum;
}
