import { Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { Suspense } from 'react';
import { Empty } from '../kit/Empty';
import { BulkActions } from '../kit/features/BulkActions';
import { CreateFeature } from '../kit/features/CreateFeature';
import { FeatureTable } from '../kit/features/FeatureTable';
import type { FeatureSearch } from '../kit/features/search';
import { Page } from '../kit/layout/Page';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Button, buttonClass } from '../ui/Button';
import { useFeatureRefusals } from './can';

export function FeaturesPage() {
  const [{ dialog, q }, setUrl] = useUrl<FeatureSearch>();
  const { create: refused } = useFeatureRefusals();
  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refused}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create feature
    </Button>
  );
  return (
    <Page
      title="Features"
      actions={
        <>
          <Link {...paths.archive()} className={buttonClass()}>
            Archive
          </Link>
          {create}
        </>
      }
    >
      <FeatureTable
        fixed={{}}
        bulk={(chosen, done) => <BulkActions chosen={chosen} done={done} />}
        empty={
          <Empty title="No features yet" action={create}>
            A feature is a switch in your code. Turn it on for some people, for a share of them, or for everybody,
            without deploying.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateFeature {...(q ? { name: q } : {})} onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </Page>
  );
}
