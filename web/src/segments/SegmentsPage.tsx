import { Page } from '../kit/layout/Page';

export function SegmentsPage() {
  return <Page title="Segments">{null}</Page>;
}
