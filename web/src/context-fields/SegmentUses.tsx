import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { linkClass } from '../kit/layout/Page';
import { paths } from '../paths';

/** The segments whose constraints use a field. */
export function SegmentUses({ segments }: { segments: Schemas['SegmentName'][] }) {
  return (
    <ul className="divide-y">
      {segments.map(({ id, name }) => (
        <li key={id} className="py-1.5">
          <Link {...paths.segment(id)} className={linkClass}>
            {name}
          </Link>
        </li>
      ))}
    </ul>
  );
}
