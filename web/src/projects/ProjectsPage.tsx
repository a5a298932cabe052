import { Page } from '../kit/layout/Page';

export function ProjectsPage() {
  return <Page title="Projects">{null}</Page>;
}
