import { Page } from '../kit/layout/Page';

export function ProjectEventsPage() {
  return <Page title="Project events">{null}</Page>;
}
