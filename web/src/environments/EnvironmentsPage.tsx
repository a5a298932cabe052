import { Page } from '../kit/layout/Page';

export function EnvironmentsPage() {
  return <Page title="Environments">{null}</Page>;
}
