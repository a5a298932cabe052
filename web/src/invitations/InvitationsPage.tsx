import { Page } from '../kit/layout/Page';

export function InvitationsPage() {
  return <Page title="Invitations">{null}</Page>;
}
