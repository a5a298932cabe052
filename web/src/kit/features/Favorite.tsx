import { useQueryClient } from '@tanstack/react-query';
import { Star } from 'lucide-react';
import { answered, api } from '../../api/client';
import { refresh } from '../../api/live';
import { IconButton } from '../../ui/Button';
import { toastError } from '../toast/toasts';

/** Marks a feature, or a project where no feature is named, as a favourite of the person. */
export function Favorite({ project, feature, favorite }: { project: string; feature?: string; favorite: boolean }) {
  const queries = useQueryClient();
  const name = feature ?? project;

  async function change() {
    if (feature) {
      const params = { path: { projectId: project, featureName: feature } };
      const path = '/api/admin/projects/{projectId}/features/{featureName}/favorites';
      await answered(favorite ? api.DELETE(path, { params }) : api.POST(path, { params }));
    } else {
      const params = { path: { projectId: project } };
      const path = '/api/admin/projects/{projectId}/favorites';
      await answered(favorite ? api.DELETE(path, { params }) : api.POST(path, { params }));
    }
    await refresh(queries, [{ kind: 'favorites', id: name }]);
  }

  return (
    <IconButton
      label={favorite ? `Remove ${name} from favourites` : `Add ${name} to favourites`}
      icon={<Star size={15} className={favorite ? 'fill-current text-warn' : 'text-soft'} />}
      onPress={() => void change().catch(toastError)}
    />
  );
}
