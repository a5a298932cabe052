import { Plus } from 'lucide-react';
import { Suspense } from 'react';
import { Empty } from '../kit/Empty';
import { NotForYou } from '../kit/layout/NotForYou';
import { Page } from '../kit/layout/Page';
import { useTokenRefusals } from '../kit/tokens/can';
import { TokenTable } from '../kit/tokens/TokenTable';
import { CreateToken } from '../kit/tokens/token-create';
import { useUrl } from '../kit/url';
import { Button } from '../ui/Button';

export function ApiTokensPage() {
  const [{ dialog }, setUrl] = useUrl<{ dialog?: string }>();
  const refusals = useTokenRefusals();

  if (!refusals.maySee)
    return (
      <NotForYou title="API tokens" who="You may not look at API tokens">
        Applications ask for features with them. Administrators make them; owners of a project make those of their
        project, below API tokens there.
      </NotForYou>
    );

  const create = (
    <Button
      kind="primary"
      icon={<Plus size={15} aria-hidden="true" />}
      disabledReason={refusals.create('backend') && refusals.create('frontend')}
      onPress={() => setUrl({ dialog: 'create' }, 'push')}
    >
      Create API token
    </Button>
  );

  return (
    <Page
      title="API tokens"
      about="What applications ask for features with. Each is for one environment, and for some projects or all. Personal tokens, for scripts that do what you do, are made in your profile."
      actions={create}
    >
      <TokenTable
        empty={
          <Empty title="No API tokens yet" action={create}>
            An application needs one for each environment that it runs in.
          </Empty>
        }
      />
      <Suspense fallback={null}>
        {dialog === 'create' && <CreateToken onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </Page>
  );
}
