import { Page } from '../kit/layout/Page';

export function HomePage() {
  return <Page title="Home">{null}</Page>;
}
