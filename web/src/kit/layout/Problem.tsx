import { Link, useRouter } from '@tanstack/react-router';
import { ApiError, errorText } from '../../api/errors';
import { paths } from '../../paths';
import { Button } from '../../ui/Button';
import { linkClass, Page } from './Page';

/** What is shown instead of a page that could not be loaded. */
export function Problem({ error }: { error: unknown }) {
  const router = useRouter();
  const status = error instanceof ApiError ? error.status : undefined;
  return (
    <Page title={status === 404 ? 'Not found' : status === 403 ? 'Not allowed' : 'This page could not be loaded'}>
      <p role="alert">{errorText(error)}</p>
      <p className="flex gap-3">
        <Button onPress={() => void router.invalidate()}>Try again</Button>
      </p>
    </Page>
  );
}

export function NotFound() {
  return (
    <Page title="Not found">
      <p>
        There is no page at this address.{' '}
        <Link {...paths.home()} className={linkClass}>
          Go home
        </Link>
      </p>
    </Page>
  );
}
