import { Page } from '../kit/layout/Page';

export function FeatureExposurePage() {
  return <Page title="Feature exposure">{null}</Page>;
}
