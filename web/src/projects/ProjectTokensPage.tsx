import { Page } from '../kit/layout/Page';

export function ProjectTokensPage() {
  return <Page title="Project tokens">{null}</Page>;
}
