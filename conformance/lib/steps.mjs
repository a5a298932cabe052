//! Short ways to write a step; a step stays a plain object, so a scenario stays data.

const step = (method) => (name, path, body, more) => ({ name, as: 'admin', method, path, body, ...more });

export const get = (name, path, more) => ({ name, as: 'admin', method: 'GET', path, ...more });
export const del = (name, path, more) => ({ name, as: 'admin', method: 'DELETE', path, ...more });
export const post = step('POST');
export const put = step('PUT');
export const patch = step('PATCH');

/** A date a fixed number of days away from now, as the servers' clocks see it. */
export const days = (n) => new Date(Date.now() + n * 86_400_000).toISOString();

/** Runs the same request as several principals: one step each, named after the principal. */
export const asEach = (principals, request) =>
    principals.map((as) => ({ ...request, as, name: `${request.name} as ${as}` }));

/** Parts of a flag that background jobs fill a moment later: not compared. */
export const LATER = { ignore: ['lifecycle*', '*lastSeenAt', 'environments*yes', 'environments*no'] };
