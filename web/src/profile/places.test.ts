import { expect, test } from 'vitest';
import { byPlace } from './places';

test('permissions are told place by place', () => {
  expect(
    byPlace([
      { permission: 'CREATE_PROJECT' },
      { permission: 'CREATE_FEATURE', project: 'shop' },
      { permission: 'UPDATE_FEATURE_ENVIRONMENT', project: 'shop', environment: 'development' },
      { permission: 'UPDATE_FEATURE_ENVIRONMENT', project: 'shop', environment: 'production' },
      { permission: 'CREATE_FEATURE', project: 'till' },
    ]),
  ).toEqual({
    everywhere: ['CREATE_PROJECT'],
    projects: [
      {
        project: 'shop',
        held: [
          { permission: 'CREATE_FEATURE', environments: [] },
          { permission: 'UPDATE_FEATURE_ENVIRONMENT', environments: ['development', 'production'] },
        ],
      },
      { project: 'till', held: [{ permission: 'CREATE_FEATURE', environments: [] }] },
    ],
  });
});
