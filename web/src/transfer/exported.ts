import type { Schemas } from '../api/client';

export type Exported = Schemas['ExportResult'];

/** What was exported, or why the text is no such thing. */
export function exportedOf(text: string): { data: Exported } | { fault: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { fault: `This is no JSON: ${error instanceof Error ? error.message : error}` };
  }
  if (!isExported(value))
    return { fault: 'This is no export: it needs at least the lists features, featureStrategies and tagTypes.' };
  return { data: value };
}

// The server looks at everything else.
function isExported(value: unknown): value is Exported {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['features', 'featureStrategies', 'tagTypes'].every(
      (list) => list in value && Array.isArray((value as Record<string, unknown>)[list]),
    )
  );
}

/** `3 features, 5 strategies, 1 segment`. */
export function countsOf(data: Exported): string {
  const counts: [number, string, string][] = [
    [data.features.length, 'feature', 'features'],
    [data.featureStrategies.length, 'strategy', 'strategies'],
    [data.segments?.length ?? 0, 'segment', 'segments'],
    [data.contextFields?.length ?? 0, 'context field', 'context fields'],
    [data.featureTags?.length ?? 0, 'tag', 'tags'],
  ];
  return counts
    .filter(([count], place) => count > 0 || place === 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`)
    .join(', ');
}

type Told = {
  type?: string | undefined;
  description?: string | null | undefined;
  stale: boolean;
  impressionData: boolean;
  enabled: boolean;
  variants?: unknown;
  strategies?: unknown;
  tags?: string[] | undefined;
  links?: unknown;
  dependencies?: unknown;
};

/** What a feature is before anything is said of it. */
export const blank: Told = { stale: false, impressionData: false, enabled: false };

/** One feature of an export, with all that belongs to it, without what every installation numbers by itself. */
function featureOf(data: Exported, name: string): Told {
  const feature = data.features.find((one) => one.name === name);
  const there = data.featureEnvironments?.find((one) => (one.featureName ?? one.name) === name);
  const segmentName = (id: number) => data.segments?.find((segment) => segment.id === id)?.name ?? `segment ${id}`;
  return {
    type: feature?.type ?? undefined,
    description: feature?.description,
    stale: feature?.stale ?? false,
    impressionData: feature?.impressionData ?? false,
    enabled: there?.enabled ?? false,
    variants: there?.variants,
    strategies: data.featureStrategies
      .toSorted((one, other) => (one.sortOrder ?? 0) - (other.sortOrder ?? 0))
      .map(({ id: _, featureName: __, sortOrder: ___, segments, disabled, ...strategy }) => ({
        ...strategy,
        ...(disabled ? { disabled } : {}),
        ...(segments?.length ? { segments: segments.map(segmentName) } : {}),
      })),
    tags: data.featureTags?.map(({ tagType, tagValue }) => `${tagType ?? 'simple'}:${tagValue}`),
    links: data.links?.flatMap(({ links }) => links.map(({ url, title }) => ({ url, title }))),
    dependencies: data.dependencies?.find(({ feature }) => feature === name)?.dependencies,
  };
}

export type FeatureChange = { name: string; before: Told | undefined; after: Told };

/** What an import makes of each feature that it changes, to be read. */
export function changesOf(preview: Schemas['ImportPreview']): FeatureChange[] {
  return preview.changes.map(({ feature, before, after }) => ({
    name: feature,
    before: before ? featureOf(before, feature) : undefined,
    after: featureOf(after, feature),
  }));
}
