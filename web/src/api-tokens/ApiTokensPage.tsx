import { Page } from '../kit/layout/Page';

export function ApiTokensPage() {
  return <Page title="Api tokens">{null}</Page>;
}
