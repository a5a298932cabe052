import type { Schemas } from '../../api/client';

/** Whom features are evaluated for: the values of context fields and of any other properties. */
export type ContextValues = Record<string, string>;

/** A context as the address holds it: `userId=7&region=eu`. */
export function contextText(context: ContextValues): string {
  return new URLSearchParams(context).toString();
}

export function contextOf(text: string | undefined): ContextValues {
  return Object.fromEntries(new URLSearchParams(text ?? ''));
}

/** The context without what was left empty. */
export function given(context: ContextValues): ContextValues {
  return Object.fromEntries(Object.entries(context).filter(([, value]) => value.trim() !== ''));
}

/** A moment as `<input type="datetime-local">` shows it, in the device's time zone. */
export function localTime(moment: string): string {
  const when = new Date(moment);
  if (Number.isNaN(when.getTime())) return '';
  const shifted = new Date(when.getTime() - when.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

/** The moment that a local time stands for, as contexts have it. */
export function momentOf(local: string): string {
  const when = new Date(local);
  return Number.isNaN(when.getTime()) ? '' : when.toISOString();
}

// What the server's own fields are called; all others are properties.
const ofServer = ['appName', 'currentTime', 'userId', 'sessionId', 'remoteAddress'];

/** A context as the server takes it, without what was left empty. */
export function contextBody(context: ContextValues, appName: string): Schemas['PlaygroundContext'] {
  const fields = Object.entries(given(context));
  const own = Object.fromEntries(fields.filter(([name]) => ofServer.includes(name)));
  const properties = Object.fromEntries(fields.filter(([name]) => !ofServer.includes(name)));
  // The document says of other fields that they are nothing at all.
  return { appName, ...own, properties } as Schemas['PlaygroundContext'];
}
