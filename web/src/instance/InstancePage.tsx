import { Page } from '../kit/layout/Page';

export function InstancePage() {
  return <Page title="Instance">{null}</Page>;
}
