import { useParams } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { Suspense } from 'react';
import { Empty } from '../kit/Empty';
import { ProjectFrame } from '../kit/ProjectFrame';
import { useTokenRefusals } from '../kit/tokens/can';
import { TokenTable } from '../kit/tokens/TokenTable';
import { CreateToken } from '../kit/tokens/token-create';
import { useUrl } from '../kit/url';
import { Button } from '../ui/Button';

export function ProjectTokensPage() {
  const { projectId } = useParams({ from: '/signed-in/projects/$projectId/tokens' });
  const [{ dialog }, setUrl] = useUrl<{ dialog?: string }>();
  const refusals = useTokenRefusals(projectId);
  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusals.create('backend')}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create API token
    </Button>
  );
  return (
    <ProjectFrame projectId={projectId} actions={create}>
      {refusals.maySee ? (
        <TokenTable
          projectId={projectId}
          empty={
            <Empty title="No API token is for this project alone" action={create}>
              An application that shows features of this project needs one for each environment that it runs in. Tokens
              for all projects work as well; they are not listed here.
            </Empty>
          }
        />
      ) : (
        <Empty title="You may not look at this project’s API tokens">Its owners can, and can make them.</Empty>
      )}
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateToken projectId={projectId} onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </ProjectFrame>
  );
}
