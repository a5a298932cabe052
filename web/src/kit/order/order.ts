/** The list with one of its items at another place. */
export function moved(ids: string[], id: string, to: number): string[] {
  const rest = ids.filter((other) => other !== id);
  if (rest.length === ids.length) return ids;
  const place = Math.max(0, Math.min(rest.length, to));
  return [...rest.slice(0, place), id, ...rest.slice(place)];
}

export function sameOrder(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((id, place) => id === other[place]);
}
