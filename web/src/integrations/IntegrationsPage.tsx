import { Page } from '../kit/layout/Page';

export function IntegrationsPage() {
  return <Page title="Integrations">{null}</Page>;
}
