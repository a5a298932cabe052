import { Page } from '../kit/layout/Page';

export function TransferPage() {
  return <Page title="Transfer">{null}</Page>;
}
