import { Link } from '@tanstack/react-router';
import { CircleHelp, ToggleLeft, ToggleRight } from 'lucide-react';
import { EnvironmentName } from '../kit/EnvironmentName';
import { linkClass } from '../kit/layout/Page';
import { useProjectName } from '../kit/ProjectLink';
import { useSession } from '../kit/session';
import { type Column, DataTable } from '../kit/table/DataTable';
import { paths } from '../paths';
import { cx } from '../ui/cx';
import { type Answer, answerAt, type Feature, type Place, reasonOf, type Verdict, verdictOf } from './answers';

export const verdicts: Record<Verdict, { word: string; icon: typeof ToggleLeft; look: string }> = {
  on: { word: 'On', icon: ToggleRight, look: 'text-good' },
  off: { word: 'Off', icon: ToggleLeft, look: 'text-soft' },
  unknown: { word: 'Unknown', icon: CircleHelp, look: 'text-warn' },
};

/** Features times environments times contexts: the answer, and the reason in a few words. */
export function Matrix(props: {
  features: Feature[];
  places: Place[];
  onCell: (feature: string, place: Place) => void;
}) {
  const { features, places, onCell } = props;
  const { environments } = useSession();
  const projectName = useProjectName();
  const columns: Column<Feature>[] = [
    {
      id: 'name',
      header: 'Feature',
      pinned: true,
      cell: ({ name, projectId }) => (
        <Link
          {...paths.feature(projectId, name)}
          className={cx(linkClass, 'max-sm:block max-sm:w-36 sm:whitespace-nowrap')}
        >
          {name}
        </Link>
      ),
    },
    {
      id: 'project',
      header: 'Project',
      wide: true,
      cell: ({ projectId }) => <span className="whitespace-nowrap">{projectName(projectId)}</span>,
    },
    ...places.map(
      (place): Column<Feature> => ({
        id: `${place.environment}:${place.nth}`,
        header: place.told ? `${place.environment}: ${place.told}` : place.environment,
        head: (
          <span className="flex flex-col items-start gap-0.5">
            <EnvironmentName
              name={place.environment}
              type={environments.find(({ name }) => name === place.environment)?.type ?? ''}
            />
            {place.told && (
              <>
                <span className="sr-only">: </span>
                <span>{place.told}</span>
              </>
            )}
          </span>
        ),
        cell: (feature) => {
          const answer = answerAt(feature, place);
          return answer && <Cell answer={answer} place={place} onPress={() => onCell(feature.name, place)} />;
        },
      }),
    ),
  ];
  return (
    <DataTable
      label="Answers"
      columns={columns}
      count={features.length}
      rowAt={(place) => features[place]}
      rowKey={({ name }) => name}
    />
  );
}

function Cell({ answer, place, onPress }: { answer: Answer; place: Place; onPress: () => void }) {
  const { word, icon: Icon, look } = verdicts[verdictOf(answer)];
  const where = place.told ? `${place.environment}, ${place.told}` : place.environment;
  const variant = answer.variant.enabled ? answer.variant.name : '';
  return (
    <button
      type="button"
      title="Explain"
      className="flex h-7 w-full items-center gap-1.5 rounded-sm px-1 text-left whitespace-nowrap hover:bg-accent-wash"
      onClick={onPress}
    >
      <span className="sr-only">
        {answer.name} in {where}:
      </span>
      <Icon size={18} aria-hidden="true" className={cx('shrink-0', look)} />
      <span className={cx('font-medium', look)}>{word}</span>
      {variant && <span className="rounded-sm bg-violet-wash px-1 text-xs text-violet">{variant}</span>}
      <span className="max-w-48 truncate text-sm text-soft">{reasonOf(answer)}</span>
    </button>
  );
}
