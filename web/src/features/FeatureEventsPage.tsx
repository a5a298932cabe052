import { useParams } from '@tanstack/react-router';
import { Empty } from '../kit/Empty';
import { EventLog } from '../kit/events/EventLog';
import { FeatureFrame } from '../kit/features/FeatureFrame';

export function FeatureEventsPage() {
  const { projectId, featureName } = useParams({ from: '/signed-in/projects/$projectId/features/$featureName/events' });
  return (
    <FeatureFrame projectId={projectId} featureName={featureName}>
      <EventLog
        of={{ feature: featureName }}
        empty={<Empty title="Nothing has happened yet">What is changed about this feature is told here.</Empty>}
      />
    </FeatureFrame>
  );
}
