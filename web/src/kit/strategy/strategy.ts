import type { Schemas } from '../../api/client';
import { constraintFault, constraintText } from '../constraints/operators';

export type FeatureStrategy = Schemas['FeatureStrategy'];
export type Variant = Schemas['Variant'];

/** What a person edits of a strategy. */
export type StrategyDraft = {
  name: string;
  title: string;
  disabled: boolean;
  parameters: Record<string, string>;
  constraints: Schemas['Constraint'][];
  segments: number[];
  variants: Variant[];
};

export function draftOf(strategy: FeatureStrategy): StrategyDraft {
  const { name, title, disabled, parameters, constraints, segments, variants } = strategy;
  return { name, title: title ?? '', disabled, parameters, constraints, segments, variants };
}

/** A new strategy: gradual rollouts begin with everybody, as long as nothing else is chosen. */
export function newDraft(name: string, featureName: string, stickiness = 'default'): StrategyDraft {
  const parameters: Record<string, string> =
    name === 'flexibleRollout' ? { rollout: '100', stickiness, groupId: featureName } : {};
  return { name, title: '', disabled: false, parameters, constraints: [], segments: [], variants: [] };
}

/** The share that gets it, in percent; whole, as buckets are. */
export function rolloutOf({ name, parameters }: Pick<StrategyDraft, 'name' | 'parameters'>): number {
  if (name !== 'flexibleRollout' && !name.startsWith('gradualRollout')) return 100;
  const text = parameters.rollout ?? parameters.percentage ?? '100';
  const share = Math.trunc(Number(text));
  return Number.isFinite(share) ? Math.max(0, Math.min(100, share)) : 0;
}

/** What keeps a strategy from being saved, by where it is. */
export function strategyFaults(draft: StrategyDraft): string[] {
  return [
    ...draft.constraints.flatMap((constraint, place) => {
      const fault = constraintFault(constraint);
      return fault ? [`Constraint ${place + 1}: ${fault}`] : [];
    }),
    ...variantFaults(draft.variants),
  ];
}

/** Parts per thousand that all variants share. */
const whole = 1000;

/** Gives variants without a weight of their own equal parts of what is left, so that all add up. */
export function balanced(variants: Variant[]): Variant[] {
  const fixed = variants
    .filter(({ weightType }) => weightType === 'fix')
    .reduce((sum, { weight = 0 }) => sum + weight, 0);
  const free = variants.filter(({ weightType }) => weightType !== 'fix').length;
  const left = Math.max(0, whole - fixed);
  let place = 0;
  return variants.map((variant) => {
    if (variant.weightType === 'fix') return variant;
    const weight = Math.floor(left / free) + (place++ < left % free ? 1 : 0);
    return { ...variant, weight };
  });
}

export function variantFaults(variants: Variant[]): string[] {
  const faults: string[] = [];
  const names = new Set<string>();
  for (const [place, { name, payload }] of variants.entries()) {
    const where = `Variant ${name || place + 1}`;
    if (name.trim() === '') faults.push(`Variant ${place + 1} needs a name.`);
    else if (names.has(name)) faults.push(`${where} is there twice.`);
    names.add(name);
    const fault = payload && payloadFault(payload);
    if (fault) faults.push(`${where}: ${fault}`);
  }
  const fixed = variants
    .filter(({ weightType }) => weightType === 'fix')
    .reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (fixed > whole) faults.push('The fixed shares of the variants are more than 100 %.');
  if (variants.length > 0 && variants.every(({ weightType }) => weightType === 'fix') && fixed !== whole) {
    faults.push('The shares of the variants have to add up to 100 %, or one of them takes what is left.');
  }
  return faults;
}

export function payloadFault({ type, value }: Schemas['Payload']): string | undefined {
  if (value === '') return 'The payload is empty.';
  if (type === 'number' && !Number.isFinite(Number(value))) return 'The payload is no number.';
  if (type === 'json') {
    try {
      JSON.parse(value);
    } catch (error) {
      return `The payload is no JSON: ${error instanceof Error ? error.message : ''}`;
    }
  }
  return undefined;
}

/** What is not wrong but seldom meant. `others` are the strategies beside it in the same environment. */
export function strategyWarnings(
  draft: StrategyDraft,
  others: Pick<StrategyDraft, 'name' | 'parameters' | 'constraints' | 'segments' | 'disabled'>[],
): string[] {
  const warnings: string[] = [];
  if (draft.disabled) warnings.push('It is disabled: nobody gets the feature by it.');
  if (rolloutOf(draft) === 0) warnings.push('Its rollout is 0 %: nobody gets the feature by it.');
  const admitsAll = (one: (typeof others)[number]) =>
    !one.disabled &&
    one.constraints.length === 0 &&
    one.segments.length === 0 &&
    rolloutOf(one) === 100 &&
    ['default', 'flexibleRollout'].includes(one.name);
  if (others.some(admitsAll))
    warnings.push('Another strategy here admits everybody already: this one changes nothing but variants.');
  if (admitsAll(draft) && others.some(({ disabled }) => !disabled))
    warnings.push('It admits everybody: the other strategies here no longer matter.');
  const seen = new Set<string>();
  for (const constraint of draft.constraints) {
    const text = constraintText(constraint, Number.POSITIVE_INFINITY);
    if (seen.has(text)) warnings.push(`The constraint “${text}” is there twice.`);
    seen.add(text);
  }
  return warnings;
}

/** A strategy's kind as people call it. */
export function strategyLabel({ name, title }: { name: string; title?: string | null }): string {
  if (title) return title;
  return (
    {
      flexibleRollout: 'Gradual rollout',
      default: 'Everybody',
      userWithId: 'User ids',
      remoteAddress: 'Addresses',
      applicationHostname: 'Hosts',
    }[name] ?? name
  );
}

/** For a difference: segments by name instead of by number. */
export function readable(draft: StrategyDraft, segments: { id: number; name: string }[]) {
  const { constraints, variants, segments: ids, ...rest } = draft;
  return {
    ...rest,
    constraints: constraints.map((constraint) => constraintText(constraint, 20)),
    segments: ids.map((id) => segments.find((segment) => segment.id === id)?.name ?? `segment ${id}`),
    variants: variants.map(({ name, weight, payload }) => ({
      name,
      share: `${(weight ?? 0) / 10} %`,
      payload: payload?.value,
    })),
  };
}
