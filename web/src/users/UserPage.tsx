import { Page } from '../kit/layout/Page';

export function UserPage() {
  return <Page title="User">{null}</Page>;
}
