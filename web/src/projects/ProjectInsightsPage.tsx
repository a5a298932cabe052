import { Page } from '../kit/layout/Page';

export function ProjectInsightsPage() {
  return <Page title="Project insights">{null}</Page>;
}
