import { Page } from '../kit/layout/Page';

export function FeatureWhoPage() {
  return <Page title="Feature who">{null}</Page>;
}
