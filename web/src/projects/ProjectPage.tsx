import { Page } from '../kit/layout/Page';

export function ProjectPage() {
  return <Page title="Project">{null}</Page>;
}
