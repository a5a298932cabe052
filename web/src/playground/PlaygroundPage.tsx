import { Page } from '../kit/layout/Page';

export function PlaygroundPage() {
  return <Page title="Playground">{null}</Page>;
}
