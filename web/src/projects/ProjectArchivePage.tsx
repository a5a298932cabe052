import { useParams } from '@tanstack/react-router';
import { ArchivedFeatures } from '../kit/features/ArchivedFeatures';
import { ProjectFrame } from '../kit/ProjectFrame';

export function ProjectArchivePage() {
  const { projectId } = useParams({ from: '/signed-in/projects/$projectId/archive' });
  return (
    <ProjectFrame projectId={projectId}>
      <ArchivedFeatures project={projectId} />
    </ProjectFrame>
  );
}
