import { Badge } from '../../ui/Bits';
import { Time } from '../../ui/Time';

const soonMs = 14 * 86_400_000;

/** When something ends: marked when that is soon, or was. */
export function Expiry({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="text-soft">never</span>;
  const left = new Date(at).getTime() - Date.now();
  if (left <= 0)
    return (
      <Badge tone="bad">
        expired <Time at={at} />
      </Badge>
    );
  return left < soonMs ? (
    <Badge tone="warn">
      <Time at={at} />
    </Badge>
  ) : (
    <Time at={at} />
  );
}
