import { Page } from '../kit/layout/Page';

export function ProjectArchivePage() {
  return <Page title="Project archive">{null}</Page>;
}
