import { useParams } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { Suspense } from 'react';
import { Empty } from '../kit/Empty';
import { BulkActions } from '../kit/features/BulkActions';
import { CreateFeature } from '../kit/features/CreateFeature';
import { FeatureTable } from '../kit/features/FeatureTable';
import type { FeatureSearch } from '../kit/features/search';
import { ProjectFrame } from '../kit/ProjectFrame';
import { useUrl } from '../kit/url';
import { Button } from '../ui/Button';
import { useProjectRefusals } from './can';

export function ProjectPage() {
  const { projectId } = useParams({ from: '/signed-in/projects/$projectId' });
  const [{ dialog }, setUrl] = useUrl<FeatureSearch>();
  const refusals = useProjectRefusals(projectId);
  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusals.createFeature}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create feature
    </Button>
  );
  return (
    <ProjectFrame projectId={projectId} actions={create}>
      <FeatureTable
        fixed={{ project: projectId }}
        bulk={(chosen, done) => <BulkActions chosen={chosen} done={done} />}
        empty={
          <Empty title="No features in this project yet" action={create}>
            A feature is a switch in your code. Turn it on for some people, for a share of them, or for everybody,
            without deploying.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateFeature project={projectId} onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </ProjectFrame>
  );
}
