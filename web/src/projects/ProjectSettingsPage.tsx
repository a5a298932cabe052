import { Page } from '../kit/layout/Page';

export function ProjectSettingsPage() {
  return <Page title="Project settings">{null}</Page>;
}
