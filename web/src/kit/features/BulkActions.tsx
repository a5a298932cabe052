import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answered, api } from '../../api/client';
import { refresh } from '../../api/live';
import { Note } from '../../ui/Bits';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import { Menu } from '../../ui/Menu';
import { confirm } from '../confirm/confirm';
import { grouped } from '../grouped';
import { refusal, useSession } from '../session';
import { toast } from '../toast/toasts';
import type { FoundFeature } from './search';
import { parseTags, type Tag } from './tags';

/** What can be done with several features at once. The server takes those of one project at a time. */
export function BulkActions({ chosen, done }: { chosen: FoundFeature[]; done: () => void }) {
  const queries = useQueryClient();
  const session = useSession();
  const [tagging, setTagging] = useState(false);
  const projects = grouped(chosen, ({ project }) => project);
  const features = chosen.map(({ name }) => name);

  const lacking = (permission: string, environment?: string) =>
    [...projects.keys()]
      .map((project) => refusal(session, permission, project, environment))
      .find((reason) => reason !== undefined);

  /** Does it for each project, and has everything that it touched refetched. */
  async function each(act: (projectId: string, names: string[]) => Promise<unknown>) {
    for (const [project, found] of projects)
      await act(
        project,
        found.map(({ name }) => name),
      );
    await refresh(
      queries,
      chosen.map(({ name, project }) => ({ kind: 'feature', id: name, project })),
    );
    done();
  }

  const list = (
    <ul className="max-h-60 list-disc overflow-y-auto pl-5">
      {chosen.map(({ name, project }) => (
        <li key={name}>
          {name} <span className="text-soft">in {project}</span>
        </li>
      ))}
    </ul>
  );

  function askToSwitch(environment: string, on: boolean) {
    const word = on ? 'on' : 'off';
    const alike = chosen.filter((feature) =>
      feature.environments.some((one) => one.name === environment && one.enabled === on),
    );
    confirm({
      title: `Turn ${chosen.length} features ${word} in ${environment}`,
      verb: `Turn ${word}`,
      danger: !on && session.environments.some(({ name, type }) => name === environment && type === 'production'),
      body: (
        <>
          {alike.length > 0 && <Note>{`${alike.length} of them are ${word} there already and stay so.`}</Note>}
          {list}
        </>
      ),
      act: () =>
        each((projectId, names) => {
          const options = { params: { path: { projectId, environment } }, body: { features: names } };
          return answered(
            on
              ? api.POST('/api/admin/projects/{projectId}/bulk_features/environments/{environment}/on', options)
              : api.POST('/api/admin/projects/{projectId}/bulk_features/environments/{environment}/off', options),
          );
        }),
    });
  }

  function askToMark(stale: boolean) {
    confirm({
      title: stale ? `Mark ${chosen.length} features as stale` : `Mark ${chosen.length} features as active`,
      verb: stale ? 'Mark as stale' : 'Mark as active',
      body: list,
      act: () =>
        each((projectId, names) =>
          answered(
            api.POST('/api/admin/projects/{projectId}/stale', {
              params: { path: { projectId } },
              body: { features: names, stale },
            }),
          ),
        ),
    });
  }

  function askToArchive() {
    confirm({
      title: `Archive ${chosen.length} features`,
      verb: 'Archive features',
      danger: true,
      body: (
        <>
          <p>SDKs no longer find them and use their defaults. They can be revived from the archive.</p>
          {list}
        </>
      ),
      act: () =>
        each((projectId, names) =>
          answered(
            api.POST('/api/admin/projects/{projectId}/archive', {
              params: { path: { projectId } },
              body: { features: names },
            }),
          ),
        ),
    });
  }

  return (
    <>
      <Menu
        label="Turn on or off"
        trigger={<Button>Turn on or off</Button>}
        entries={session.environments.flatMap(({ name }) => {
          const disabledReason = lacking('UPDATE_FEATURE_ENVIRONMENT', name);
          return [
            { label: `Turn on in ${name}`, act: () => askToSwitch(name, true), disabledReason },
            { label: `Turn off in ${name}`, act: () => askToSwitch(name, false), disabledReason },
          ];
        })}
      />
      <Button disabledReason={lacking('UPDATE_FEATURE')} onPress={() => setTagging(true)}>
        Tag
      </Button>
      <Menu
        label="Mark as stale or active"
        trigger={<Button>Mark</Button>}
        entries={[
          { label: 'Mark as stale', act: () => askToMark(true), disabledReason: lacking('UPDATE_FEATURE') },
          { label: 'Mark as active', act: () => askToMark(false), disabledReason: lacking('UPDATE_FEATURE') },
        ]}
      />
      <Button disabledReason={lacking('DELETE_FEATURE')} onPress={askToArchive}>
        Archive
      </Button>
      <Button kind="quiet" onPress={done}>
        Choose none
      </Button>
      {tagging && (
        <TagFeatures
          features={features}
          onClose={() => setTagging(false)}
          act={async (tags) => {
            await each((projectId, names) =>
              answered(
                api.PUT('/api/admin/projects/{projectId}/tags', {
                  params: { path: { projectId } },
                  body: { features: names, tags: { addedTags: tags, removedTags: [] } },
                }),
              ),
            );
            toast(`${chosen.length} features are tagged.`);
          }}
        />
      )}
    </>
  );
}

function TagFeatures({
  features,
  onClose,
  act,
}: {
  features: string[];
  onClose: () => void;
  act: (tags: Tag[]) => Promise<void>;
}) {
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  const tags = parseTags(text);

  async function save() {
    if (tags === undefined || tags.length === 0) return setFault('Give tags as type:value, with commas between them.');
    try {
      await act(tags);
      onClose();
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <Dialog
      title={`Tag ${features.length} features`}
      size="small"
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose}>Cancel</Button>
          <Button kind="primary" onPress={() => void save()}>
            Add tags
          </Button>
        </>
      }
    >
      <TextField
        label="Tags"
        autoFocus
        value={text}
        onChange={setText}
        onEnter={() => void save()}
        placeholder="simple:checkout, team:web"
        description="A type that exists, a colon, and a value."
        error={fault}
      />
    </Dialog>
  );
}
