import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useDeferredValue, useState } from 'react';
import { errorText } from '../api/errors';
import { ContextEditor } from '../kit/context/ContextEditor';
import { type ContextValues, contextOf, contextText, given } from '../kit/context/context';
import { EnvironmentName } from '../kit/EnvironmentName';
import { FeatureFrame, useFeature } from '../kit/features/FeatureFrame';
import { projectContextFieldsQuery } from '../kit/queries';
import { useUrl } from '../kit/url';
import { Badge, Card, Note } from '../ui/Bits';
import { ExplanationTree } from './ExplanationTree';
import { explanationQuery } from './queries';

/** Why somebody gets the feature or not: a context, and the decisions in each environment. */
export function FeatureWhoPage() {
  const { projectId, featureName } = useParams({ from: '/signed-in/projects/$projectId/features/$featureName/who' });
  const { feature, segments } = useFeature(projectId, featureName);
  const [{ context: text }, setUrl] = useUrl<{ context?: string }>();
  const [context, setContext] = useState<ContextValues>(() => contextOf(text));
  const [asksFields, setAsksFields] = useState(false);
  const { data: fields } = useQuery({ ...projectContextFieldsQuery(projectId), enabled: asksFields });
  const asked = useDeferredValue(given(context));
  const { data, error } = useQuery(explanationQuery(projectId, featureName, asked));

  const strategiesIn = (environment: string) =>
    feature.environments.find(({ name }) => name === environment)?.strategies ?? [];

  function change(next: ContextValues) {
    setContext(next);
    setUrl({ context: contextText(given(next)) });
  }

  return (
    <FeatureFrame projectId={projectId} featureName={featureName}>
      <Card title="For whom">
        <p className="mb-3 text-soft">What your application knows about somebody when it asks for the feature.</p>
        <fieldset onFocus={() => setAsksFields(true)}>
          <legend className="sr-only">Context</legend>
          <ContextEditor value={context} onChange={change} fields={fields ?? []} />
        </fieldset>
      </Card>
      {error && <Note tone="bad">{errorText(error)}</Note>}
      <div className="grid items-start gap-4 xl:grid-cols-2">
        {data?.environments.map((answer) => (
          <section key={answer.environment} aria-label={answer.environment} className="rounded-lg border bg-surface">
            <div className="flex flex-wrap items-center gap-3 border-b px-4 py-2.5">
              <h2>
                <EnvironmentName name={answer.environment} type={answer.type} />
              </h2>
              <Badge tone={answer.enabled ? 'good' : 'neutral'}>
                {answer.enabled ? 'On for this context' : 'Off for this context'}
              </Badge>
              {answer.variant.enabled && <Badge tone="violet">variant {answer.variant.name}</Badge>}
            </div>
            <div className="px-4 py-3">
              <ExplanationTree answer={answer} strategies={strategiesIn(answer.environment)} segments={segments} />
            </div>
          </section>
        ))}
      </div>
    </FeatureFrame>
  );
}
