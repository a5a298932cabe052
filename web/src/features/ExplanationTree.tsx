import { Check, X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Schemas } from '../api/client';
import { operatorWords } from '../kit/constraints/operators';
import { type FeatureStrategy, strategyLabel } from '../kit/strategy/strategy';
import { cx } from '../ui/cx';

type Named = { id: number; name: string };
type Answer = Schemas['EnvironmentExplanation'];
type Strategy = Schemas['StrategyExplanation'];
type Constraint = Schemas['ConstraintExplanation'];
type Rollout = Schemas['RolloutExplanation'];

/** The decisions that led to an answer, one below the other. */
export function ExplanationTree(props: { answer: Answer; strategies: FeatureStrategy[]; segments: Named[] }) {
  const { answer, strategies: known, segments } = props;
  const { explanation } = answer;
  if (!explanation) return <p className="text-soft">SDKs do not hear of this feature here.</p>;
  const { reason, dependencies, strategies, variantChoice, variant } = explanation;
  const deciding = typeof reason === 'object' ? reason.strategy : undefined;
  return (
    <>
      <p className="mb-2 font-medium">{reasonText(reason)}</p>
      <ul className="flex flex-col gap-1.5">
        <Step holds={explanation.flagEnabled}>
          {explanation.flagEnabled ? 'Switched on here' : 'Switched off here'}
        </Step>
        {dependencies.map((dependency) => (
          <Step key={dependency.feature} holds={dependency.result}>
            Depends on {dependency.feature}, which has to be {dependency.requiredEnabled ? 'on' : 'off'}
            {dependency.requiredVariants.length > 0 && <> with {dependency.requiredVariants.join(' or ')}</>}
            {dependency.parent ? <> and is {dependency.parent.enabled ? 'on' : 'off'}</> : ' and cannot be asked'}
          </Step>
        ))}
        {strategies.map((strategy, place) => (
          <StrategyStep
            key={answer.strategyIds[place]}
            label={strategyLabel(known.find(({ id }) => id === answer.strategyIds[place]) ?? strategy)}
            strategy={strategy}
            segments={segments}
            decides={place === deciding}
          />
        ))}
        {variantChoice && variant.enabled && (
          <Step holds>
            Variant {variant.name}
            {variantChoice.bucket === null ? (
              ' by an override'
            ) : (
              <>
                : bucket {variantChoice.bucket} of {variantChoice.buckets}, by {variantChoice.stickiness}
                {variantChoice.identifier !== null && <> {variantChoice.identifier}</>}
              </>
            )}
            {variant.payload && (
              <>
                , with {variant.payload.type} <code className="font-mono text-xs">{variant.payload.value}</code>
              </>
            )}
          </Step>
        )}
      </ul>
    </>
  );
}

function reasonText(reason: Schemas['ExplanationReason']): string {
  if (typeof reason === 'object') return `On, by strategy ${reason.strategy + 1}.`;
  return {
    'no-strategies': 'On: it has no strategies, so everybody gets it.',
    'no-strategy-matched': 'Off: no strategy admits this context.',
    disabled: 'Off: it is switched off in this environment.',
    dependency: 'Off: a feature that it depends on is not as it has to be.',
    broken: 'Off: it could not be read.',
  }[reason];
}

function StrategyStep(props: { label: string; strategy: Strategy; segments: Named[]; decides: boolean }) {
  const { label, strategy, segments: known, decides } = props;
  const { status, rollout, constraints, segments, list, broken } = strategy;
  return (
    <Step holds={strategy.result} strong={decides}>
      {label} {strategy.result ? 'admits' : 'does not admit'} it
      {decides && <span className="font-normal text-soft"> · this decided</span>}
      {status === 'custom' && <span className="text-warn"> · only SDKs that have this strategy can tell</span>}
      {broken && <span className="text-bad"> · {broken}</span>}
      <ul className="mt-1 flex flex-col gap-1 font-normal">
        {segments.map((segment) => (
          <Step key={segment.id} holds={segment.result}>
            {segment.exists ? (
              <>
                {segment.result ? 'In' : 'Not in'} segment{' '}
                {known.find(({ id }) => id === segment.id)?.name ?? segment.id}
              </>
            ) : (
              <>Segment {segment.id} does not exist</>
            )}
            <ul className="mt-1 flex flex-col gap-1">
              {segment.constraints.map((constraint) => (
                <ConstraintStep key={JSON.stringify(constraint)} constraint={constraint} />
              ))}
            </ul>
          </Step>
        ))}
        {constraints.map((constraint) => (
          <ConstraintStep key={JSON.stringify(constraint)} constraint={constraint} />
        ))}
        {list && <ConstraintStep constraint={list} />}
        {rollout && <RolloutStep rollout={rollout} holds={strategy.ruleResult} />}
      </ul>
    </Step>
  );
}

function ConstraintStep({ constraint }: { constraint: Constraint }) {
  const { contextName, operator, inverted, values, value, contextValue, result, broken } = constraint;
  const compared =
    values.length > 0
      ? `${values.slice(0, 8).join(', ')}${values.length > 8 ? ` and ${values.length - 8} more` : ''}`
      : (value ?? '');
  return (
    <Step holds={result}>
      <span className="font-medium">{contextName}</span>{' '}
      {operatorWords({ operator: operator as Schemas['Operator'], inverted })}{' '}
      <span className="rounded-sm bg-sunken px-1 font-mono text-xs">{compared}</span>
      <span className="text-soft"> · {contextValue === null ? 'the context has none' : <>it is {contextValue}</>}</span>
      {broken && <span className="text-bad"> · {broken}</span>}
    </Step>
  );
}

/** Where the context's bucket lies against the share that is let in. */
function RolloutStep({ rollout, holds }: { rollout: Rollout; holds: boolean }) {
  const { percent, bucket, stickiness, identifier } = rollout;
  return (
    <Step holds={holds}>
      Rollout of {percent} %:{' '}
      {bucket === null ? (
        <>the context has no {stickiness}</>
      ) : (
        <>
          bucket {bucket} {bucket <= percent ? 'is within' : 'is above'} it, by {stickiness}
          {identifier !== null && <> {identifier}</>}
        </>
      )}
      <span aria-hidden="true" className="relative mt-1 block h-2 w-full max-w-80 rounded-full bg-sunken">
        <span className="absolute inset-y-0 left-0 rounded-full bg-accent" style={{ width: `${percent}%` }} />
        {bucket !== null && <span className="absolute -inset-y-0.5 w-0.5 bg-ink" style={{ left: `${bucket}%` }} />}
      </span>
    </Step>
  );
}

function Step({ holds, strong, children }: { holds: boolean; strong?: boolean; children: ReactNode }) {
  const Icon = holds ? Check : X;
  return (
    <li className={cx('flex items-start gap-1.5 text-sm', strong && 'font-semibold')}>
      <Icon
        size={15}
        className={cx('mt-0.5 shrink-0', holds ? 'text-good' : 'text-bad')}
        aria-label={holds ? 'Yes' : 'No'}
        role="img"
      />
      <div className="min-w-0 flex-1">{children}</div>
    </li>
  );
}
