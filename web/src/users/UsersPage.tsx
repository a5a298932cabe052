import { Page } from '../kit/layout/Page';

export function UsersPage() {
  return <Page title="Users">{null}</Page>;
}
