import { useQuery } from '@tanstack/react-query';
import { errorText } from '../api/errors';
import { StrategyUses } from '../kit/StrategyUses';
import { Note, Waiting } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { strategyUsesQuery } from './queries';

/** The features that use a type of strategy. They are asked for where somebody wants to know. */
export function Uses({ name }: { name: string }) {
  const { data, error } = useQuery(strategyUsesQuery(name));
  if (error) return <Note tone="bad">{errorText(error)}</Note>;
  if (!data) return <Waiting what="Looking through the features" />;
  if (data.strategies.length === 0) return <p>No feature uses it.</p>;
  const count = new Set(data.strategies.map(({ featureName }) => featureName)).size;
  return (
    <section className="flex flex-col gap-1">
      <p className="font-medium">{count === 1 ? 'One feature uses it:' : `${count} features use it:`}</p>
      <StrategyUses uses={data.strategies} />
    </section>
  );
}

export function UsesDialog({ name, title, onClose }: { name: string; title: string; onClose: () => void }) {
  return (
    <Dialog title={`Where ${title} is used`} onClose={onClose} actions={<Button onPress={onClose}>Close</Button>}>
      <Uses name={name} />
    </Dialog>
  );
}
