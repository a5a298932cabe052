import { mountedAt } from '../../api/client';

/** Goes to the sign-in page by loading it anew: nothing of what somebody saw stays in memory. */
export function leave(next?: string) {
  const query = next ? `?${new URLSearchParams({ next })}` : '';
  window.location.assign(`${mountedAt}sign-in${query}`);
}
