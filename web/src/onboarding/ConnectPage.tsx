import { Page } from '../kit/layout/Page';

export function ConnectPage() {
  return <Page title="Connect">{null}</Page>;
}
