import { Page } from '../kit/layout/Page';

export function StrategiesPage() {
  return <Page title="Strategies">{null}</Page>;
}
