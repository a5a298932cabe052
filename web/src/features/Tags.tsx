import { useQueryClient } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { useState } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { errorText } from '../api/errors';
import { refresh } from '../api/live';
import { parseTags, type Tag } from '../kit/features/tags';
import { Card } from '../ui/Bits';
import { Button } from '../ui/Button';
import { TextField } from '../ui/Fields';
import { useFeatureRefusals } from './can';

/** The feature's tags, by which features are found across projects. */
export function Tags({ feature, tags }: { feature: Schemas['Feature']; tags: Tag[] }) {
  const queries = useQueryClient();
  const { update: refused } = useFeatureRefusals(feature.project);
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();

  async function change(addedTags: Tag[], removedTags: Tag[]) {
    try {
      await answered(
        api.PUT('/api/admin/features/{featureName}/tags', {
          params: { path: { featureName: feature.name } },
          body: { addedTags, removedTags },
        }),
      );
      await refresh(queries, [{ kind: 'feature', id: feature.name, project: feature.project }]);
      setText('');
      setFault(undefined);
    } catch (error) {
      setFault(errorText(error));
    }
  }

  function add() {
    const typed = parseTags(text);
    if (typed === undefined || typed.length === 0)
      setFault('A tag is a type, a colon and a value, as simple:checkout.');
    else void change(typed, []);
  }

  return (
    <Card title="Tags">
      <div className="flex flex-col gap-3">
        <ul className="flex flex-wrap gap-1">
          {tags.map((tag) => {
            const name = `${tag.type}:${tag.value}`;
            return (
              <li key={name} className="inline-flex items-center rounded-sm border bg-sunken pl-1.5 text-sm">
                {name}
                {!refused && (
                  <button
                    type="button"
                    aria-label={`Remove tag ${name}`}
                    className="flex size-6 items-center justify-center hover:text-bad"
                    onClick={() => void change([], [{ type: tag.type, value: tag.value }])}
                  >
                    <X size={12} aria-hidden="true" />
                  </button>
                )}
              </li>
            );
          })}
          {tags.length === 0 && <li className="text-soft">No tags yet.</li>}
        </ul>
        <div className="flex items-start gap-2">
          <TextField
            label="Add tags"
            hideLabel
            placeholder="type:value"
            className="flex-1"
            value={text}
            onChange={setText}
            onEnter={() => !refused && add()}
            error={fault}
          />
          <Button disabledReason={refused} onPress={add}>
            Add tag
          </Button>
        </div>
      </div>
    </Card>
  );
}
