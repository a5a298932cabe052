import type { Schemas } from '../api/client';
import { strategyLabel } from '../kit/strategy/strategy';

export type Feature = Schemas['AdvancedPlaygroundFeature'];
export type Answer = Schemas['AdvancedPlaygroundEnvironmentFeature'];
export type Strategy = Schemas['PlaygroundStrategy'];

/** One environment with one of the contexts. */
export type Place = {
  environment: string;
  nth: number /** What sets this context apart from the others. */;
  told: string;
};

/** The columns of the matrix: every environment with every context. */
export function placesOf(features: Feature[], environments: string[]): Place[] {
  const answered = features.find((feature) => environments.some((name) => feature.environments[name]?.length));
  return environments.flatMap((environment) => {
    const contexts = (answered?.environments[environment] ?? []).map(({ context }) => context);
    const telling = differing(contexts);
    return contexts.map((context, nth) => ({
      environment,
      nth,
      told: telling.map((field) => `${field} ${context[field]}`).join(', '),
    }));
  });
}

function differing(contexts: Record<string, string>[]): string[] {
  const [first] = contexts;
  return Object.keys(first ?? {}).filter((field) => contexts.some((context) => context[field] !== first?.[field]));
}

export function answerAt(feature: Feature, { environment, nth }: Pick<Place, 'environment' | 'nth'>) {
  return feature.environments[environment]?.[nth];
}

/** On, off, or not to be told without the SDK. */
export type Verdict = 'on' | 'off' | 'unknown';

export function verdictOf(answer: Answer): Verdict {
  if (answer.isEnabled) return 'on';
  const open = answer.isEnabledInCurrentEnvironment && !answer.hasUnsatisfiedDependency;
  return open && answer.strategies.result === 'unknown' ? 'unknown' : 'off';
}

/** The strategy that let the context in. */
export function decider(answer: Answer): Strategy | undefined {
  return answer.strategies.data.find(({ result, disabled }) => result.enabled === true && !disabled);
}

/** Why, in a few words. */
export function reasonOf(answer: Answer): string {
  if (!answer.isEnabledInCurrentEnvironment) return 'switched off';
  if (answer.hasUnsatisfiedDependency) return 'a feature it depends on says no';
  const verdict = verdictOf(answer);
  if (verdict === 'unknown') return 'only the SDK knows';
  if (verdict === 'on') return answer.strategies.data.length === 0 ? 'for everybody' : nameOrAny(decider(answer));
  return 'no strategy lets it in';
}

function nameOrAny(strategy: Strategy | undefined): string {
  return strategy ? strategyLabel(strategy) : 'for everybody';
}

/** What the matrix shows of a feature's answers. */
export type Show = '' | 'differ' | 'on' | 'off';

export function isShown(feature: Feature, places: Place[], show: Show): boolean {
  const verdicts = places.map((place) => answerAt(feature, place)).map((answer) => answer && said(answer));
  if (show === 'differ') return new Set(verdicts).size > 1;
  if (show === 'on') return verdicts.some((verdict) => verdict?.startsWith('on'));
  if (show === 'off') return verdicts.every((verdict) => !verdict?.startsWith('on'));
  return true;
}

function said(answer: Answer): string {
  return `${verdictOf(answer)} ${answer.variant.enabled ? answer.variant.name : ''}`;
}

/** `checkout:production:0`: which cell is unfolded, as the address holds it. */
export function cellText(feature: string, { environment, nth }: Pick<Place, 'environment' | 'nth'>): string {
  return `${feature}:${environment}:${nth}`;
}

export function cellOf(text: string | undefined): { feature: string; environment: string; nth: number } | undefined {
  const [feature, environment, nth] = text?.split(':') ?? [];
  if (!feature || !environment || !/^\d+$/.test(nth ?? '')) return undefined;
  return { feature, environment, nth: Number(nth) };
}
