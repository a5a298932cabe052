import { useQueryClient } from '@tanstack/react-query';
import { ArchiveRestore, Trash2 } from 'lucide-react';
import { answered, api } from '../../api/client';
import { refresh } from '../../api/live';
import { IconButton } from '../../ui/Button';
import { confirm } from '../confirm/confirm';
import { Empty } from '../Empty';
import { useRefusal } from '../session';
import { toast } from '../toast/toasts';
import { FeatureTable } from './FeatureTable';
import type { FoundFeature } from './search';

/** The features in the archive, of one project or of all: revived, or deleted for good. */
export function ArchivedFeatures({ project }: { project?: string }) {
  const queries = useQueryClient();
  const refusal = useRefusal();

  function askToRevive({ name, project }: FoundFeature) {
    confirm({
      title: `Revive ${name}`,
      verb: 'Revive feature',
      body: <p>It comes back to project {project} as it was, turned off in all environments.</p>,
      act: async () => {
        await answered(
          api.POST('/api/admin/archive/revive/{featureName}', { params: { path: { featureName: name } } }),
        );
        await refresh(queries, [{ kind: 'feature', id: name, project }]);
        toast(`${name} is back.`);
      },
    });
  }

  function askToDelete({ name, project }: FoundFeature) {
    confirm({
      title: `Delete ${name}`,
      verb: 'Delete feature',
      danger: true,
      typed: name,
      body: <p>The feature is gone for good, with its strategies in all environments. Its events stay in the log.</p>,
      act: async () => {
        await answered(api.DELETE('/api/admin/archive/{featureName}', { params: { path: { featureName: name } } }));
        await refresh(queries, [{ kind: 'feature', id: name, project }]);
        toast(`${name} is deleted.`);
      },
    });
  }

  return (
    <FeatureTable
      fixed={{ archived: true, ...(project ? { project } : {}) }}
      actions={(feature) => (
        <>
          <IconButton
            label={`Revive ${feature.name}`}
            icon={<ArchiveRestore size={15} />}
            disabledReason={refusal('UPDATE_FEATURE', feature.project)}
            onPress={() => askToRevive(feature)}
          />
          <IconButton
            label={`Delete ${feature.name}`}
            icon={<Trash2 size={15} />}
            disabledReason={refusal('DELETE_FEATURE', feature.project)}
            onPress={() => askToDelete(feature)}
          />
        </>
      )}
      empty={
        <Empty title="The archive is empty">
          Archived features wait here: SDKs no longer find them, and their names stay taken until they are deleted.
        </Empty>
      }
    />
  );
}
