import type { Schemas } from '../api/client';

export type Limit = {
  name: string;
  /** How much there is; nothing if it is not counted. */
  used?: number;
  most: number;
  /** What the number counts, where that is not plain. */
  per?: string;
};

/** What there may be at most, and how much of it there is. */
export function limitsOf(limits: Schemas['ResourceLimits'], counted: Schemas['SignedInstanceAdminStats']): Limit[] {
  const { apiTokens: tokens } = counted;
  return [
    { name: 'Features', used: counted.featureToggles, most: limits.featureFlags },
    { name: 'Projects', used: counted.projects, most: limits.projects },
    { name: 'Environments', used: counted.environments, most: limits.environments },
    { name: 'Segments', used: counted.segments, most: limits.segments },
    { name: 'API tokens', used: tokens.admin + tokens.client + tokens.frontend, most: limits.apiTokens },
    {
      name: 'Strategies',
      used: counted.maxEnvironmentStrategies,
      most: limits.featureEnvironmentStrategies,
      per: 'of a feature in an environment',
    },
    { name: 'Constraints', used: counted.maxConstraints, most: limits.constraints, per: 'of a strategy' },
    { name: 'Values', used: counted.maxConstraintValues, most: limits.constraintValues, per: 'of a constraint' },
    { name: 'Segments', most: limits.strategySegments, per: 'of a strategy' },
    { name: 'Values', most: limits.segmentValues, per: 'of a segment' },
  ];
}

export function percentOf({ used, most }: Limit): number | undefined {
  return used === undefined || most === 0 ? undefined : (100 * used) / most;
}
