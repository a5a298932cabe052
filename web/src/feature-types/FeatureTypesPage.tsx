import { Page } from '../kit/layout/Page';

export function FeatureTypesPage() {
  return <Page title="Feature types">{null}</Page>;
}
