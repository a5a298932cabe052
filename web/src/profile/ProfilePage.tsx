import { useSuspenseQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { Suspense } from 'react';
import { Page } from '../kit/layout/Page';
import { nameOf } from '../kit/people';
import { useSession } from '../kit/session';
import { useUrl } from '../kit/url';
import { Badge, Card, Fact, Facts } from '../ui/Bits';
import { Button } from '../ui/Button';
import { MyPermissions } from './MyPermissions';
import { PersonalTokens } from './PersonalTokens';
import { ChangePassword } from './password-change';
import { CreatePersonalToken } from './personal-token-create';
import { profileQuery } from './queries';

export function ProfilePage() {
  const { user } = useSession();
  const { data: profile } = useSuspenseQuery(profileQuery);
  const [{ dialog }, setUrl] = useUrl<{ dialog?: string }>();
  const close = () => setUrl({ dialog: '' });

  return (
    <Page
      title="Profile"
      marks={<Badge tone={profile.rootRole.name === 'Admin' ? 'violet' : 'neutral'}>{profile.rootRole.name}</Badge>}
    >
      <div className="grid items-start gap-4 lg:grid-cols-[22rem_1fr]">
        <div className="flex flex-col gap-4">
          <Card title="About me">
            <Facts>
              <Fact name="Name">{nameOf(user)}</Fact>
              {user.email && <Fact name="E-mail">{user.email}</Fact>}
              {user.username && <Fact name="User name">{user.username}</Fact>}
            </Facts>
            <p className="mt-2 text-sm text-soft">Administrators can change these.</p>
          </Card>
          <Card title="My role">
            <p className="font-medium">{profile.rootRole.name}</p>
            <p className="text-soft">{profile.rootRole.description}</p>
          </Card>
          <Card title="Password">
            <div className="flex flex-col items-start gap-2">
              <p className="text-soft">A new password signs you out everywhere but here.</p>
              <Button
                icon={<KeyRound size={15} aria-hidden="true" />}
                disabledReason={!profile.canChangePassword && 'You sign in without a password.'}
                onPress={() => setUrl({ dialog: 'password' }, 'push')}
              >
                Change password
              </Button>
            </div>
          </Card>
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <PersonalTokens onCreate={() => setUrl({ dialog: 'token' }, 'push')} />
          <MyPermissions />
        </div>
      </div>
      <Suspense fallback={null}>
        {dialog === 'password' && <ChangePassword onClose={close} />}
        {dialog === 'token' && <CreatePersonalToken onClose={close} />}
      </Suspense>
    </Page>
  );
}
