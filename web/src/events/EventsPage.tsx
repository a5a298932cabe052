import { Empty } from '../kit/Empty';
import { EventLog } from '../kit/events/EventLog';
import { Page } from '../kit/layout/Page';

export function EventsPage() {
  return (
    <Page title="Events" about="Everything that was changed, by whom and when.">
      <EventLog
        empty={<Empty title="Nothing has happened yet">As soon as somebody changes something, it is here.</Empty>}
      />
    </Page>
  );
}
