import { mountedAt } from '../../api/client';

/** Flagstone's sign. */
export function Mark() {
  return <img src={`${mountedAt}favicon.svg`} alt="" width={22} height={22} />;
}
