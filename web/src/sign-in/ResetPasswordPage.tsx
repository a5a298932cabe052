import { useUrl } from '../kit/url';
import { SetPassword } from './SetPassword';

export function ResetPasswordPage() {
  const [{ token = '' }] = useUrl<{ token?: string }>();
  return <SetPassword token={token} title="Set a new password" verb="Set password" />;
}
