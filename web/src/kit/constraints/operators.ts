import type { Schemas } from '../../api/client';

export type Constraint = Schemas['Constraint'];
export type Operator = Schemas['Operator'];

/** What an operator compares with. */
export type Sort = 'list' | 'text list' | 'number' | 'date' | 'version' | 'pattern';

type Row = { operator: Operator; sort: Sort; words: string; not: string };

const rows: Row[] = [
  { operator: 'IN', sort: 'list', words: 'is one of', not: 'is none of' },
  { operator: 'NOT_IN', sort: 'list', words: 'is none of', not: 'is one of' },
  { operator: 'STR_CONTAINS', sort: 'text list', words: 'contains any of', not: 'contains none of' },
  { operator: 'STR_STARTS_WITH', sort: 'text list', words: 'starts with any of', not: 'starts with none of' },
  { operator: 'STR_ENDS_WITH', sort: 'text list', words: 'ends with any of', not: 'ends with none of' },
  { operator: 'REGEX', sort: 'pattern', words: 'matches the pattern', not: 'does not match the pattern' },
  { operator: 'NUM_EQ', sort: 'number', words: 'equals the number', not: 'does not equal the number' },
  { operator: 'NUM_GT', sort: 'number', words: 'is greater than', not: 'is not greater than' },
  { operator: 'NUM_GTE', sort: 'number', words: 'is at least', not: 'is not at least' },
  { operator: 'NUM_LT', sort: 'number', words: 'is less than', not: 'is not less than' },
  { operator: 'NUM_LTE', sort: 'number', words: 'is at most', not: 'is not at most' },
  { operator: 'DATE_AFTER', sort: 'date', words: 'is after', not: 'is not after' },
  { operator: 'DATE_BEFORE', sort: 'date', words: 'is before', not: 'is not before' },
  { operator: 'SEMVER_EQ', sort: 'version', words: 'is version', not: 'is not version' },
  { operator: 'SEMVER_GT', sort: 'version', words: 'is newer than version', not: 'is not newer than version' },
  { operator: 'SEMVER_GTE', sort: 'version', words: 'is at least version', not: 'is not at least version' },
  { operator: 'SEMVER_LT', sort: 'version', words: 'is older than version', not: 'is not older than version' },
  { operator: 'SEMVER_LTE', sort: 'version', words: 'is at most version', not: 'is not at most version' },
];

export const operatorOptions = rows.map(({ operator, words }) => ({ value: operator, label: words }));

export function sortOf(operator: Operator): Sort {
  return rows.find((row) => row.operator === operator)?.sort ?? 'list';
}

export function takesList(operator: Operator): boolean {
  const sort = sortOf(operator);
  return sort === 'list' || sort === 'text list';
}

/** How the operator is read, `not` included. */
export function operatorWords({ operator, inverted }: Pick<Constraint, 'operator' | 'inverted'>): string {
  const row = rows.find((row) => row.operator === operator);
  if (!row) return operator;
  return inverted ? row.not : row.words;
}

/** A constraint in one sentence, with so many values. */
export function constraintText(constraint: Constraint, most = 5): string {
  const { contextName, operator, values = [], value } = constraint;
  const told = takesList(operator)
    ? values.length > most
      ? `${values.slice(0, most).join(', ')} and ${values.length - most} more`
      : values.join(', ')
    : (value ?? '');
  return `${contextName} ${operatorWords(constraint)} ${told}`;
}

export function newConstraint(contextName: string): Constraint {
  return contextName === 'currentTime'
    ? {
        contextName,
        operator: 'DATE_AFTER',
        value: new Date().toISOString(),
        values: [],
        inverted: false,
        caseInsensitive: false,
      }
    : { contextName, operator: 'IN', values: [], value: '', inverted: false, caseInsensitive: false };
}

const version = /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/**
 * What is wrong with a constraint, or nothing: told while it is typed. The server decides when it is saved
 * (`crates/flagstone-eval/src/validate.rs`), and may know more.
 */
export function constraintFault({ contextName, operator, values = [], value }: Constraint): string | undefined {
  if (contextName === '') return 'Choose a context field.';
  if (takesList(operator)) return values.length === 0 ? 'Give at least one value.' : undefined;
  const text = (value ?? '').trim();
  if (text === '') return 'Give a value.';
  switch (sortOf(operator)) {
    case 'number':
      return Number.isFinite(Number(text)) ? undefined : 'This is no number.';
    case 'date':
      return Number.isNaN(Date.parse(text)) ? 'This is no date.' : undefined;
    case 'version':
      return version.test(text) ? undefined : 'A version has three parts, as 1.2.3 or 1.2.3-beta.1.';
    case 'pattern':
      return patternFault(text);
    default:
      return undefined;
  }
}

function patternFault(pattern: string): string | undefined {
  // SDKs evaluate patterns in linear time, which leaves no room for these.
  if (/\(\?(=|!|<=|<!)/.test(pattern)) return 'Patterns cannot look ahead or behind.';
  if (/\\[1-9]/.test(pattern)) return 'Patterns cannot refer back to a group.';
  try {
    new RegExp(pattern, 'u');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'This is no pattern.';
  }
}
