import { Page } from '../kit/layout/Page';

export function ApplicationPage() {
  return <Page title="Application">{null}</Page>;
}
