export type Tag = { type: string; value: string };

/** `simple:checkout, team:web`; nothing if a part is no tag. */
export function parseTags(text: string): Tag[] | undefined {
  const tags: Tag[] = [];
  for (const part of text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)) {
    const [type, ...rest] = part.split(':');
    const value = rest.join(':').trim();
    if (!type || !value) return undefined;
    tags.push({ type: type.trim(), value });
  }
  return tags;
}
