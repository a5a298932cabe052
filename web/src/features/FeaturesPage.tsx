import { Page } from '../kit/layout/Page';

export function FeaturesPage() {
  return <Page title="Features">{null}</Page>;
}
