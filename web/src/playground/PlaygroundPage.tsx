import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Suspense, useEffect, useState } from 'react';
import { errorText } from '../api/errors';
import { Copy } from '../kit/Copy';
import { ContextEditor } from '../kit/context/ContextEditor';
import { type ContextValues, contextOf, contextText, given } from '../kit/context/context';
import { Empty } from '../kit/Empty';
import { ChoiceChip, listOf, textOf } from '../kit/filter/FilterChip';
import { Page } from '../kit/layout/Page';
import { contextFieldsQuery } from '../kit/queries';
import { useSession } from '../kit/session';
import { matches } from '../kit/table/ListTable';
import { useUrl } from '../kit/url';
import { Card, Note, Waiting } from '../ui/Bits';
import { SelectField, TextField } from '../ui/Fields';
import { answerAt, cellOf, cellText, isShown, placesOf, type Show } from './answers';
import { Explanation } from './Explanation';
import { Matrix } from './Matrix';
import { playgroundQuery } from './queries';

type Search = {
  /** As `userId=7&plan=pro`. */
  context?: string;
  environments?: string;
  projects?: string;
  q?: string;
  show?: Show;
  /** The cell that is unfolded. */
  feature?: string;
};

export function PlaygroundPage() {
  const { projects, environments } = useSession();
  const { data: fields } = useSuspenseQuery(contextFieldsQuery);
  const [search, setUrl] = useUrl<Search>();
  const context = contextOf(search.context);
  const chosen = listOf(search.environments);
  const inUse = environments.filter(({ enabled }) => enabled).map(({ name }) => name);
  const asked = useSettled({
    context: given(context),
    environments: chosen.length > 0 ? chosen : inUse,
    projects: listOf(search.projects),
  });

  return (
    <Page
      title="Playground"
      about="Try who gets what: give a context, and see what every feature would answer, in every environment, and why. Nothing is counted and nobody is affected."
      actions={
        <span className="inline-flex items-center text-sm text-soft">
          Link to this <Copy text={location.href} what="the link with this context" />
        </span>
      }
    >
      <Card title="Context">
        <ContextEditor
          several
          fields={fields}
          value={context}
          onChange={(next: ContextValues) => setUrl({ context: contextText(next), feature: '' })}
        />
        <p className="mt-3 text-sm text-soft">
          Several values with commas between them, as <code>7, 8</code>, are tried one by one, each with each of the
          other fields’.
        </p>
      </Card>
      <div className="flex flex-wrap items-center gap-2">
        <TextField
          label="Find features"
          hideLabel
          type="search"
          placeholder="Find features"
          className="w-full sm:w-64"
          value={search.q ?? ''}
          onChange={(q) => setUrl({ q })}
        />
        <ChoiceChip
          label="Environments"
          options={environments.map(({ name }) => ({ value: name, label: name }))}
          values={chosen}
          onChange={(values) => setUrl({ environments: textOf(values), feature: '' })}
        />
        <ChoiceChip
          label="Projects"
          options={projects.map(({ id, name }) => ({ value: id, label: name }))}
          values={listOf(search.projects)}
          onChange={(values) => setUrl({ projects: textOf(values), feature: '' })}
        />
        <SelectField<Show | 'all'>
          label="Shown"
          hideLabel
          className="w-48"
          value={search.show || 'all'}
          onChange={(show) => setUrl({ show: show === 'all' ? '' : show })}
          options={[
            { value: 'all', label: 'All features' },
            { value: 'differ', label: 'Where answers differ' },
            { value: 'on', label: 'On somewhere' },
            { value: 'off', label: 'On nowhere' },
          ]}
        />
      </div>
      <Suspense fallback={<Waiting what="Evaluating" />}>
        <Answers
          asked={asked}
          search={search}
          onCell={(feature) => setUrl({ feature }, feature ? 'push' : 'replace')}
        />
      </Suspense>
    </Page>
  );
}

function Answers({
  asked,
  search,
  onCell,
}: {
  asked: Parameters<typeof playgroundQuery>[0];
  search: Search;
  onCell: (cell: string) => void;
}) {
  const { data, error, isFetching, isPlaceholderData } = useQuery(playgroundQuery(asked));
  if (error) return <Note tone="bad">{errorText(error)}</Note>;
  if (asked.environments.length === 0)
    return <Empty title="No environment is in use">Choose at least one environment.</Empty>;
  if (!data) return <Waiting what="Evaluating" />;
  if (data.features.length === 0)
    return <Empty title="No features here">The projects that you chose have no features yet, or you see none.</Empty>;

  const places = placesOf(data.features, data.input.environments);
  const shown = data.features.filter(
    (feature) =>
      matches(`${feature.name} ${feature.projectId}`, search.q ?? '') && isShown(feature, places, search.show ?? ''),
  );
  const cell = cellOf(search.feature);
  const feature = cell && data.features.find(({ name }) => name === cell.feature);
  const answer = cell && feature && answerAt(feature, cell);
  return (
    <div className="flex flex-col gap-2" aria-busy={isFetching}>
      <p role="status" className="text-sm text-soft">
        {isPlaceholderData && isFetching
          ? 'Evaluating…'
          : `${shown.length} of ${data.features.length} features, each for ${places.length} ${places.length === 1 ? 'case' : 'cases'}`}
      </p>
      {data.warnings && (
        <Note tone="warn">Left out, since they are no texts: {data.warnings.invalidContextProperties.join(', ')}</Note>
      )}
      {shown.length === 0 ? (
        <Empty title="No feature fits" />
      ) : (
        <Matrix features={shown} places={places} onCell={(name, place) => onCell(cellText(name, place))} />
      )}
      {answer && <Explanation answer={answer} onClose={() => onCell('')} />}
    </div>
  );
}

/** What is typed counts once typing has paused. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text)), 300);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
