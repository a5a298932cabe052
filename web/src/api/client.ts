import createClient from 'openapi-fetch';
import { ApiError } from './errors';
import { writeBegan, writeEnded } from './live';
import type { components, paths } from './schema.gen';

/** Where Flagstone is mounted, as `/` or `/flags/`. */
export const mountedAt = new URL(document.baseURI).pathname;

export type Schemas = components['schemas'];

/** Calls an operation of the OpenAPI document. Answers are unwrapped with `answered`. */
export const api = createClient<paths>({ baseUrl: mountedAt.replace(/\/$/, '') });

let signedOut: () => void = () => {};

/** What is done once the server no longer knows who we are. */
export function onSignedOut(act: () => void) {
  signedOut = act;
}

api.use({
  onRequest({ request }) {
    if (request.method !== 'GET') writeBegan();
  },
  onError({ request }) {
    if (request.method !== 'GET') writeEnded(0);
    return new ApiError(0, undefined);
  },
  onResponse({ request, response }) {
    if (request.method !== 'GET') writeEnded(Number(response.headers.get('x-flagstone-revision')));
    // A wrong password is answered with 401 as well.
    if (response.status === 401 && !/\/auth\/|\/change-password$/.test(request.url)) signedOut();
  },
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The answer's body, or an `ApiError`. */
export async function answered<T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await answer;
  if (!response.ok) throw new ApiError(response.status, error, response.headers.get('etag'));
  return data as NonNullable<T>;
}

/** The answer's body with the revision to send as `If-Match` when it is changed. */
export async function answeredWithRevision<T>(
  answer: Promise<Answer<T>>,
): Promise<{ value: NonNullable<T>; etag: string | null }> {
  const kept = await answer;
  const value = await answered(Promise.resolve(kept));
  return { value, etag: kept.response.headers.get('etag') };
}

/** The header that has a write refused with 412 when the thing is no longer what was read. */
export function ifMatch(etag: string | null | undefined): Record<string, string> {
  return etag ? { 'If-Match': etag } : {};
}
