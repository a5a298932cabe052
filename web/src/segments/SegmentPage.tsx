import { Page } from '../kit/layout/Page';

export function SegmentPage() {
  return <Page title="Segment">{null}</Page>;
}
