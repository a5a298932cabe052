import { Page } from '../kit/layout/Page';

export function ApplicationsPage() {
  return <Page title="Applications">{null}</Page>;
}
