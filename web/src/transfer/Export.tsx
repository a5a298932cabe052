import { useMutation, useSuspenseQuery } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { Suspense, useState } from 'react';
import type { Schemas } from '../api/client';
import { errorText } from '../api/errors';
import { Empty } from '../kit/Empty';
import { matches } from '../kit/table/ListTable';
import { toast } from '../kit/toast/toasts';
import { Card, Note, Waiting } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Checkbox, RadioGroup, TextField } from '../ui/Fields';
import { countsOf, type Exported } from './exported';
import { EnvironmentField, ProjectField, usePlace } from './PlaceFields';
import { exported, projectFeaturesQuery } from './queries';

type What = 'project' | 'features' | 'tag';

export function Export() {
  const [{ project, environment }] = usePlace();
  const [what, setWhat] = useState<What>('project');
  const [chosen, setChosen] = useState<{ project: string; names: string[] }>({ project, names: [] });
  const [tag, setTag] = useState('');
  // A choice belongs to its project.
  const names = chosen.project === project ? chosen.names : [];

  const missing =
    (what === 'features' && names.length === 0 && 'Choose at least one feature first.') ||
    (what === 'tag' && tag.trim() === '' && 'Enter what the tag says first.') ||
    undefined;
  const taking = useMutation({
    mutationFn: async () => {
      const of: Partial<Schemas['ExportQuery']> =
        what === 'project' ? { project } : what === 'features' ? { features: names } : { tag: tag.trim() };
      const data = await exported({ environment, ...of });
      if (data.features.length === 0) throw new Error('There are no such features, so there is nothing to export.');
      download(data, `${what === 'tag' ? tag.trim() : project}-${environment}.json`);
      toast(`Exported: ${countsOf(data)}.`);
    },
  });

  return (
    <Card title="Export features" className="max-w-3xl">
      <div className="flex flex-col gap-4">
        <EnvironmentField label="As they are in" description="The strategies and variants of this environment." />
        <RadioGroup<What>
          label="Which features"
          value={what}
          onChange={setWhat}
          options={[
            { value: 'project', label: 'All of a project' },
            { value: 'features', label: 'Some of a project' },
            { value: 'tag', label: 'All with a tag, whatever their project' },
          ]}
        />
        {what !== 'tag' && <ProjectField label="Project" description="Archived features are left out." />}
        {what === 'features' && (
          <Suspense fallback={<Waiting />}>
            <FeatureChoice project={project} names={names} onChange={(names) => setChosen({ project, names })} />
          </Suspense>
        )}
        {what === 'tag' && (
          <TextField
            label="What the tag says"
            description="Its value, of any type of tag."
            value={tag}
            onChange={setTag}
          />
        )}
        {taking.error && <Note tone="bad">{errorText(taking.error)}</Note>}
        <div>
          <Button
            kind="primary"
            icon={<Download size={15} aria-hidden="true" />}
            disabledReason={missing}
            isPending={taking.isPending}
            onPress={() => taking.mutate()}
          >
            Export as JSON
          </Button>
        </div>
      </div>
    </Card>
  );
}

function FeatureChoice(props: { project: string; names: string[]; onChange: (names: string[]) => void }) {
  const { project, names, onChange } = props;
  const { data } = useSuspenseQuery(projectFeaturesQuery(project));
  const [filter, setFilter] = useState('');
  const shown = data.features.map(({ name }) => name).filter((name) => matches(name, filter));
  if (data.features.length === 0) return <Empty title="This project has no features" />;
  return (
    <div className="flex flex-col gap-2 rounded-md border p-2">
      <TextField
        label="Filter features"
        hideLabel
        type="search"
        placeholder="Filter"
        value={filter}
        onChange={setFilter}
      />
      <p role="status" className="text-sm text-soft">
        {names.length} of {data.features.length} chosen
      </p>
      <div
        role="group"
        aria-label="Features"
        tabIndex={0}
        className="flex max-h-64 flex-col gap-1 overflow-y-auto p-0.5"
      >
        {shown.slice(0, 300).map((name) => (
          <Checkbox
            key={name}
            checked={names.includes(name)}
            onChange={(isOn) => onChange(isOn ? [...names, name] : names.filter((other) => other !== name))}
          >
            {name}
          </Checkbox>
        ))}
        {shown.length > 300 && <p className="text-sm text-soft">{shown.length - 300} more: filter for them.</p>}
      </div>
    </div>
  );
}

function download(data: Exported, name: string) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
