import { Page } from '../kit/layout/Page';

export function ProfilePage() {
  return <Page title="Profile">{null}</Page>;
}
