import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { counted } from '../kit/counted';
import { DifferenceList } from '../kit/diff/DifferenceList';
import { EnvironmentName } from '../kit/EnvironmentName';
import { linkClass } from '../kit/layout/Page';
import { useSession } from '../kit/session';
import { toast } from '../kit/toast/toasts';
import { paths } from '../paths';
import { Badge, Card, Note } from '../ui/Bits';
import { Button } from '../ui/Button';
import { useTransferRefusals } from './can';
import { blank, type Exported, type FeatureChange } from './exported';
import type { Place } from './PlaceFields';

export type Checked = {
  /** What was checked: place and text. */
  about: string;
  place: Place;
  data: Exported;
  validation: Schemas['ImportValidation'];
  changes: FeatureChange[];
};

/** What the server finds about an import, what it changes, and the button that does it. */
export function ImportReview({ checked }: { checked: Checked }) {
  const { place, data, validation, changes } = checked;
  const queries = useQueryClient();
  const navigate = useNavigate();
  const refusals = useTransferRefusals();
  const { environments } = useSession();
  const type = environments.find(({ name }) => name === place.environment)?.type ?? '';
  const isNew = changes.filter(({ before }) => before === undefined);
  const isOther = changes.filter(({ before }) => before !== undefined);
  const same = data.features.length - changes.length;
  const sum = `${isNew.length} created, ${isOther.length} changed, ${same} left as they are`;

  function ask() {
    confirm({
      title: `Import ${counted(data.features.length, 'feature')}`,
      body: (
        <>
          <p className="flex flex-wrap items-center gap-1.5">
            Into project {place.project}, environment <EnvironmentName name={place.environment} type={type} />
          </p>
          <p>Features: {sum}. All of it is done, or none if anything fails.</p>
        </>
      ),
      verb: 'Import features',
      act: async () => {
        await answered(api.POST('/api/admin/features-batch/import', { body: { ...place, data } }));
        await refresh(queries, [
          ...data.features.map(({ name }) => ({ kind: 'feature', id: name, project: place.project })),
          { kind: 'tag-type', id: '' },
          { kind: 'context-field', id: '' },
        ]);
        toast(`Imported: ${sum}.`);
        await navigate(paths.project(place.project));
      },
    });
  }

  const top = useRef<HTMLDivElement>(null);
  // It appears below what fills the window.
  useEffect(() => top.current?.scrollIntoView({ block: 'start' }), []);

  return (
    <div ref={top} className="flex flex-col gap-4">
      <Card title="3. What the server finds" className="max-w-3xl">
        <div className="flex flex-col gap-3">
          <Findings tone="bad" what="Stands in the way" findings={validation.errors} />
          <Findings tone="bad" what="You lack permissions" findings={validation.permissions} />
          <Findings tone="warn" what="To be known" findings={validation.warnings} />
          {validation.errors.length + validation.permissions.length + validation.warnings.length === 0 && (
            <Note tone="good">Nothing stands in the way.</Note>
          )}
        </div>
      </Card>
      {validation.errors.length + validation.permissions.length === 0 && (
        <Card title="4. What changes" className="max-w-3xl">
          <p className="mb-3">Features: {sum}.</p>
          <ul className="flex flex-col gap-3">
            {[...isNew, ...isOther].map(({ name, before, after }) => (
              <li key={name} className="flex flex-col gap-1.5">
                <h3 className="flex flex-wrap items-center gap-2 font-medium">
                  {before ? (
                    <Link {...paths.feature(place.project, name)} className={linkClass}>
                      {name}
                    </Link>
                  ) : (
                    name
                  )}
                  <Badge tone={before ? 'accent' : 'good'}>{before ? 'changed' : 'created'}</Badge>
                </h3>
                <DifferenceList before={before ?? blank} after={after} />
              </li>
            ))}
          </ul>
        </Card>
      )}
      <div>
        <Button
          kind="primary"
          disabledReason={
            (validation.errors.length > 0 && 'First settle what stands in the way.') ||
            (validation.permissions.length > 0 && 'You lack permissions for this: see what the server finds.') ||
            refusals.importInto(place.project)
          }
          onPress={ask}
        >
          Import features
        </Button>
      </div>
    </div>
  );
}

function Findings(props: { tone: 'bad' | 'warn'; what: string; findings: Schemas['ImportFinding'][] }) {
  if (props.findings.length === 0) return null;
  return (
    <Note tone={props.tone}>
      <p className="font-semibold">{props.what}</p>
      <ul className="flex flex-col gap-1">
        {props.findings.map(({ message, affectedItems }) => (
          <li key={message}>
            {message} {affectedItems.join(', ')}
          </li>
        ))}
      </ul>
    </Note>
  );
}
