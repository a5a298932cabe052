import { queryOptions } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../api/client';
import { kinds } from '../api/live';

export const projectFeaturesQuery = (projectId: string) =>
  queryOptions({
    queryKey: ['project-features', projectId],
    queryFn: () => answered(api.GET('/api/admin/projects/{projectId}/features', { params: { path: { projectId } } })),
    meta: { touchedBy: kinds('feature') },
  });

export function exported(body: Schemas['ExportQuery']) {
  return answered(api.POST('/api/admin/features-batch/export', { body }));
}

export function validated(body: Schemas['ImportFeatures']) {
  return answered(api.POST('/api/admin/features-batch/validate', { body }));
}

export function previewed(body: Schemas['ImportFeatures']) {
  return answered(api.POST('/api/admin/features-batch/preview', { body }));
}
