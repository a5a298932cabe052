import { Page } from '../kit/layout/Page';

export function FeatureSettingsPage() {
  return <Page title="Feature settings">{null}</Page>;
}
