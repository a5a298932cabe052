import { useQuery } from '@tanstack/react-query';
import { errorText } from '../api/errors';
import { segmentsQuery } from '../kit/queries';
import { Note, Waiting } from '../ui/Bits';

/** The names of the segments whose constraints use a field. They are asked for where somebody wants to know. */
export function SegmentUses({ name }: { name: string }) {
  const { data, error } = useQuery(segmentsQuery);
  if (error) return <Note tone="bad">{errorText(error)}</Note>;
  if (!data) return <Waiting what="Looking through the segments" />;
  const using = data.segments.filter(({ constraints }) => constraints.some(({ contextName }) => contextName === name));
  if (using.length === 0) return <p>No segment uses it.</p>;
  return (
    <Note tone="warn">
      <p>{using.length === 1 ? 'A segment uses it:' : `${using.length} segments use it:`}</p>
      <ul className="list-disc pl-5">
        {using.map((segment) => (
          <li key={segment.id}>{segment.name}</li>
        ))}
      </ul>
    </Note>
  );
}
