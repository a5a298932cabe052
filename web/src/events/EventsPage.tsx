import { Page } from '../kit/layout/Page';

export function EventsPage() {
  return <Page title="Events">{null}</Page>;
}
