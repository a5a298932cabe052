import { expect, test } from 'vitest';
import { type Answer, cellOf, cellText, type Feature, isShown, placesOf, reasonOf, verdictOf } from './answers';

const answer = (given: Partial<Answer>): Answer => ({
  name: 'f',
  projectId: 'default',
  environment: 'production',
  context: { appName: 'playground' },
  isEnabled: false,
  isEnabledInCurrentEnvironment: true,
  hasUnsatisfiedDependency: false,
  strategies: { result: false, data: [] },
  variant: { name: 'disabled', enabled: false },
  variants: [],
  ...given,
});
const feature = (environments: Feature['environments']): Feature => ({ name: 'f', projectId: 'default', environments });

test('columns are environments times contexts, told apart by what differs', () => {
  const contexts = ['7', '8'].map((userId) => answer({ context: { appName: 'x', userId } }));
  const places = placesOf([feature({ production: contexts, test: contexts })], ['test', 'production']);
  expect(places.map(({ environment, nth, told }) => `${environment} ${nth} ${told}`)).toEqual([
    'test 0 userId 7',
    'test 1 userId 8',
    'production 0 userId 7',
    'production 1 userId 8',
  ]);
  expect(placesOf([], ['test'])).toEqual([]);
  expect(placesOf([feature({ test: [answer({})] })], ['test'])[0]?.told).toBe('');
});

test('every answer has a reason', () => {
  const check = (given: Partial<Answer>, verdict: string, reason: string) => {
    expect(verdictOf(answer(given))).toBe(verdict);
    expect(reasonOf(answer(given))).toBe(reason);
  };
  check({ isEnabledInCurrentEnvironment: false }, 'off', 'switched off');
  check({ hasUnsatisfiedDependency: true }, 'off', 'a feature it depends on says no');
  check({ strategies: { result: 'unknown', data: [] } }, 'unknown', 'only the SDK knows');
  check({}, 'off', 'no strategy lets it in');
  check({ isEnabled: true, strategies: { result: true, data: [] } }, 'on', 'for everybody');
});

test('rows can be chosen by what they answer', () => {
  const one = feature({ a: [answer({ isEnabled: true })], b: [answer({})] });
  const places = placesOf([one], ['a', 'b']);
  expect(isShown(one, places, '')).toBe(true);
  expect(isShown(one, places, 'differ')).toBe(true);
  expect(isShown(one, places, 'on')).toBe(true);
  expect(isShown(one, places, 'off')).toBe(false);
});

test('a cell comes back from the address', () => {
  expect(cellOf(cellText('a.b', { environment: 'test', nth: 3 }))).toEqual({
    feature: 'a.b',
    environment: 'test',
    nth: 3,
  });
  expect(cellOf('a')).toBeUndefined();
  expect(cellOf(undefined)).toBeUndefined();
});
