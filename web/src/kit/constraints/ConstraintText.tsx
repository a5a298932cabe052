import { type Constraint, operatorWords, takesList } from './operators';

/** A constraint as a sentence, its field and values set off. */
export function ConstraintText({ constraint, most = 6 }: { constraint: Constraint; most?: number }) {
  const { contextName, operator, values = [], value } = constraint;
  const told = takesList(operator) ? values.slice(0, most) : [value ?? ''];
  return (
    <span>
      <span className="font-medium">{contextName}</span> <span className="text-soft">{operatorWords(constraint)}</span>{' '}
      {told.map((text, place) => (
        <span key={text}>
          {place > 0 && ', '}
          <span className="rounded-sm bg-sunken px-1 font-mono text-xs">{text}</span>
        </span>
      ))}
      {values.length > most && <span className="text-soft"> and {values.length - most} more</span>}
      {constraint.caseInsensitive && <span className="text-soft"> (ignoring case)</span>}
    </span>
  );
}
