import { useParams } from '@tanstack/react-router';
import { Empty } from '../kit/Empty';
import { EventLog } from '../kit/events/EventLog';
import { ProjectFrame } from '../kit/ProjectFrame';

export function ProjectEventsPage() {
  const { projectId } = useParams({ from: '/signed-in/projects/$projectId/events' });
  return (
    <ProjectFrame projectId={projectId}>
      <EventLog
        of={{ project: projectId }}
        empty={<Empty title="Nothing has happened here yet">What is changed in this project is told here.</Empty>}
      />
    </ProjectFrame>
  );
}
