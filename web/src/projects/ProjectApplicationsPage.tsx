import { Page } from '../kit/layout/Page';

export function ProjectApplicationsPage() {
  return <Page title="Project applications">{null}</Page>;
}
