import { Page } from '../kit/layout/Page';

export function RolesPage() {
  return <Page title="Roles">{null}</Page>;
}
