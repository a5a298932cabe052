import { Page } from '../kit/layout/Page';

export function UnknownFlagsPage() {
  return <Page title="Unknown flags">{null}</Page>;
}
