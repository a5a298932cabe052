import { Link } from '@tanstack/react-router';
import { Check, CircleHelp, Minus, X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Schemas } from '../api/client';
import { ConstraintText } from '../kit/constraints/ConstraintText';
import { contextText } from '../kit/context/context';
import { EnvironmentName } from '../kit/EnvironmentName';
import { linkClass } from '../kit/layout/Page';
import { useSession } from '../kit/session';
import { strategyLabel } from '../kit/strategy/strategy';
import { paths } from '../paths';
import { Badge, Fact, Facts } from '../ui/Bits';
import { Dialog } from '../ui/Dialog';
import { type Answer, decider, reasonOf, type Strategy, verdictOf } from './answers';
import { verdicts } from './Matrix';

/** One cell of the matrix, step by step: what was asked, and what decided. */
export function Explanation({ answer, onClose }: { answer: Answer; onClose: () => void }) {
  const { environments } = useSession();
  const verdict = verdictOf(answer);
  const type = environments.find(({ name }) => name === answer.environment)?.type ?? '';
  const deciding = decider(answer);
  const { environment: _, ...context } = answer.context;
  const link = paths.featureWho(answer.projectId, answer.name);
  return (
    <Dialog
      title={`${answer.name}: ${verdicts[verdict].word.toLowerCase()}, ${reasonOf(answer)}`}
      onClose={onClose}
      size="medium"
    >
      <div className="flex flex-col gap-4">
        <Facts>
          <Fact name="Environment">
            <EnvironmentName name={answer.environment} type={type} />
          </Fact>
          {Object.entries(context).map(([name, value]) => (
            <Fact key={name} name={name}>
              {value}
            </Fact>
          ))}
          {answer.variant.enabled && (
            <Fact name="Variant">
              {answer.variant.name}
              {answer.variant.payload && ` with ${answer.variant.payload.type} ${answer.variant.payload.value}`}
            </Fact>
          )}
        </Facts>
        <ol className="flex flex-col gap-2">
          <Step holds={answer.isEnabledInCurrentEnvironment}>
            {answer.isEnabledInCurrentEnvironment ? 'It is on' : 'It is switched off'} in {answer.environment}.
          </Step>
          <Step holds={!answer.hasUnsatisfiedDependency}>
            {answer.hasUnsatisfiedDependency
              ? 'A feature that it depends on does not answer as it needs to.'
              : 'No feature that it depends on stands against it.'}
          </Step>
          {answer.strategies.data.length === 0 && <Step holds>It has no strategies: everybody gets it.</Step>}
          {answer.strategies.data.map((strategy) => (
            <StrategyStep key={strategy.id} strategy={strategy} decides={strategy === deciding && answer.isEnabled} />
          ))}
        </ol>
        <p className="flex flex-wrap gap-x-4 gap-y-1 text-sm">
          <Link {...paths.feature(answer.projectId, answer.name)} className={linkClass}>
            Change its strategies
          </Link>
          <Link {...link} search={{ context: contextText(context) } as never} className={linkClass}>
            Who sees this?
          </Link>
        </p>
      </div>
    </Dialog>
  );
}

/** Yes, no, or what nobody here can tell. */
type Holds = boolean | 'unknown' | 'skipped';

const marks = {
  true: { icon: Check, word: 'Holds: ', look: 'text-good' },
  false: { icon: X, word: 'Does not hold: ', look: 'text-bad' },
  unknown: { icon: CircleHelp, word: 'Unknown: ', look: 'text-warn' },
  skipped: { icon: Minus, word: 'Left out: ', look: 'text-soft' },
};

function Step({ holds, children }: { holds: Holds; children: ReactNode }) {
  const { icon: Icon, word, look } = marks[String(holds) as keyof typeof marks];
  return (
    <li className="flex items-start gap-2">
      <Icon size={16} aria-hidden="true" className={`mt-0.5 shrink-0 ${look}`} />
      <div className="min-w-0 flex-1">
        <span className="sr-only">{word}</span>
        {children}
      </div>
    </li>
  );
}

function StrategyStep({ strategy, decides }: { strategy: Strategy; decides: boolean }) {
  const { enabled, evaluationStatus, variant } = strategy.result;
  return (
    <Step holds={strategy.disabled ? 'skipped' : enabled}>
      <div className="flex flex-col gap-1.5 rounded-md border px-3 py-2">
        <p className="flex flex-wrap items-center gap-2">
          <span className="font-medium">{strategyLabel(strategy)}</span>
          {strategy.title && <span className="text-sm text-soft">{strategy.name}</span>}
          {strategy.disabled && <Badge>disabled</Badge>}
          {decides && <Badge tone="good">this one lets it in</Badge>}
        </p>
        {evaluationStatus === 'incomplete' && (
          <p className="text-sm text-soft">Its own rule is code in the SDK, so only the SDK can tell.</p>
        )}
        <Parameters parameters={strategy.parameters} />
        {(strategy.segments.length > 0 || strategy.constraints.length > 0) && (
          <ul className="flex flex-col gap-1 text-sm">
            {strategy.segments.map((segment) => (
              <Step key={segment.id} holds={segment.result}>
                Segment{' '}
                <Link {...paths.segment(segment.id)} className={linkClass}>
                  {segment.name}
                </Link>
                <ul className="mt-1 flex flex-col gap-1">
                  {segment.constraints.map((constraint) => (
                    <Constraint key={JSON.stringify(constraint)} constraint={constraint} />
                  ))}
                </ul>
              </Step>
            ))}
            {strategy.constraints.map((constraint) => (
              <Constraint key={JSON.stringify(constraint)} constraint={constraint} />
            ))}
          </ul>
        )}
        {variant?.enabled && <p className="text-sm">It gives variant {variant.name}.</p>}
      </div>
    </Step>
  );
}

function Constraint({ constraint }: { constraint: Schemas['PlaygroundConstraint'] }) {
  const { result, ...shown } = constraint;
  return (
    <Step holds={result}>
      <ConstraintText constraint={shown} />
    </Step>
  );
}

const hidden = ['groupId'];

function Parameters({ parameters }: { parameters: Record<string, string> }) {
  const told = Object.entries(parameters).filter(([name, value]) => value !== '' && !hidden.includes(name));
  if (told.length === 0) return null;
  return (
    <p className="text-sm text-soft">
      {told.map(([name, value]) => (name === 'rollout' ? `rollout ${value} %` : `${name} ${value}`)).join(' · ')}
    </p>
  );
}
