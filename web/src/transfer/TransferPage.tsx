import { Page } from '../kit/layout/Page';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Export } from './Export';
import { Import } from './Import';

export function TransferPage() {
  const [{ tab }] = useUrl<{ tab?: string }>();
  return (
    <Page
      title="Import and export"
      about="Features travel as JSON, with their strategies, variants, tags and all that these refer to: into another project, environment or installation."
      tabs={[
        { name: 'Export', link: paths.transfer('export'), bySearch: true },
        { name: 'Import', link: paths.transfer('import'), bySearch: true },
      ]}
    >
      {tab === 'import' ? <Import /> : <Export />}
    </Page>
  );
}
