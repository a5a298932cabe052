import { useMutation } from '@tanstack/react-query';
import { FileUp } from 'lucide-react';
import { Suspense, useState } from 'react';
import { FileTrigger } from 'react-aria-components';
import { errorText } from '../api/errors';
import { JsonEditor } from '../kit/code/JsonEditor';
import { Card, Note, Waiting } from '../ui/Bits';
import { Button } from '../ui/Button';
import { RadioGroup } from '../ui/Fields';
import { changesOf, countsOf, exportedOf } from './exported';
import { type Checked, ImportReview } from './ImportReview';
import { EnvironmentField, ProjectField, usePlace } from './PlaceFields';
import { previewed, validated } from './queries';

/** Where to, what, what the server finds, what changes; only then it is done. */
export function Import() {
  const [place] = usePlace();
  const [from, setFrom] = useState<'file' | 'text'>('file');
  const [text, setText] = useState('');
  const [file, setFile] = useState('');
  const read = text.trim() === '' ? undefined : exportedOf(text);
  const about = JSON.stringify([place, text]);

  const check = useMutation({
    mutationFn: async (): Promise<Checked> => {
      if (!read || 'fault' in read) throw new Error('There is no data yet.');
      const { data } = read;
      const validation = await validated({ ...place, data });
      // What is refused changes nothing.
      const isRefused = validation.errors.length + validation.permissions.length > 0;
      const changes = isRefused ? [] : changesOf(await previewed({ ...place, data }));
      return { about, place, data, validation, changes };
    },
  });
  // What was checked is old once the place or the data has become another.
  const checked = check.data?.about === about ? check.data : undefined;

  async function take(files: FileList | null) {
    const [chosen] = files ?? [];
    if (!chosen) return;
    setFile(chosen.name);
    setText(await chosen.text());
  }

  return (
    <div className="flex flex-col gap-4">
      <Card title="1. Where to" className="max-w-3xl">
        <div className="grid gap-4 sm:grid-cols-2">
          <ProjectField label="Project" description="New features become part of it." />
          <EnvironmentField label="Environment" description="Strategies and variants are set here alone." />
        </div>
      </Card>
      <Card title="2. What" className="max-w-3xl">
        <div className="flex flex-col gap-3">
          <RadioGroup
            label="The export"
            hideLabel
            value={from}
            onChange={setFrom}
            options={[
              { value: 'file', label: 'From a file' },
              { value: 'text', label: 'As text' },
            ]}
          />
          {from === 'file' && (
            <div className="flex flex-wrap items-center gap-3">
              <FileTrigger acceptedFileTypes={['application/json', '.json']} onSelect={(files) => void take(files)}>
                <Button icon={<FileUp size={15} aria-hidden="true" />}>Choose file</Button>
              </FileTrigger>
              <span className="text-soft">{file || 'A JSON file, as Export makes it.'}</span>
            </div>
          )}
          {from === 'text' && (
            <Suspense fallback={<Waiting />}>
              <JsonEditor label="Export as JSON" value={text} onChange={setText} />
            </Suspense>
          )}
          {read && 'fault' in read && <Note tone="bad">{read.fault}</Note>}
          {read && 'data' in read && <p role="status">It holds {countsOf(read.data)}.</p>}
        </div>
      </Card>
      <div>
        <Button
          kind={checked ? 'plain' : 'primary'}
          disabledReason={
            (!read && 'Choose a file or enter the export first.') ||
            (read && 'fault' in read && 'What is to be imported cannot be read.')
          }
          isPending={check.isPending}
          onPress={() => check.mutate()}
        >
          Check the import
        </Button>
        <p className="mt-1.5 text-sm text-soft">Nothing is changed yet.</p>
      </div>
      {check.error && <Note tone="bad">{errorText(check.error)}</Note>}
      {checked && <ImportReview checked={checked} />}
    </div>
  );
}
