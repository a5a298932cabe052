import { Page } from '../kit/layout/Page';

export function IntegrationPage() {
  return <Page title="Integration">{null}</Page>;
}
