import { ArchivedFeatures } from '../kit/features/ArchivedFeatures';
import { Page } from '../kit/layout/Page';
import { paths } from '../paths';

export function ArchivePage() {
  return (
    <Page title="Archived features" crumbs={[{ name: 'Features', link: paths.features() }]}>
      <ArchivedFeatures />
    </Page>
  );
}
