import { Page } from '../kit/layout/Page';

export function ContextFieldPage() {
  return <Page title="Context field">{null}</Page>;
}
