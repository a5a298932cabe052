const dayMs = 86_400_000;

/** The moment in so many days, as the API takes it. */
export function inDays(days: number, now = Date.now()): string {
  return new Date(now + days * dayMs).toISOString();
}

/** What a field of type `datetime-local` shows for a moment, in the time zone of whoever looks. */
export function localText(iso: string): string {
  const when = new Date(iso);
  if (Number.isNaN(when.getTime())) return '';
  return new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The moment that such a field's text means; nothing while it is not complete. */
export function momentOf(text: string): string {
  const when = new Date(text);
  return Number.isNaN(when.getTime()) ? '' : when.toISOString();
}
