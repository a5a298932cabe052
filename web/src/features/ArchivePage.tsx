import { Page } from '../kit/layout/Page';

export function ArchivePage() {
  return <Page title="Archive">{null}</Page>;
}
