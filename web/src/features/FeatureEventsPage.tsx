import { Page } from '../kit/layout/Page';

export function FeatureEventsPage() {
  return <Page title="Feature events">{null}</Page>;
}
