import { Page } from '../kit/layout/Page';

export function FeaturePage() {
  return <Page title="Feature">{null}</Page>;
}
