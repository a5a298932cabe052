import { Page } from '../kit/layout/Page';

export function ContextFieldsPage() {
  return <Page title="Context fields">{null}</Page>;
}
