import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useParams, useRouter } from '@tanstack/react-router';
import { Pencil, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import type { Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { linkClass, Page } from '../kit/layout/Page';
import { StrategyUses } from '../kit/StrategyUses';
import { useSession } from '../kit/session';
import { toast } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Badge, Card, Fact, Facts } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { useContextFieldRefusals } from './can';
import { EditContextField } from './context-field-edit';
import { contextFieldQuery, contextFieldUsesQuery, deleteContextField } from './queries';
import { SegmentUses } from './SegmentUses';

export function ContextFieldPage() {
  const { name } = useParams({ from: '/signed-in/context-fields/$name' });
  const { data } = useSuspenseQuery(contextFieldQuery(name));
  const { data: uses } = useSuspenseQuery(contextFieldUsesQuery(name));
  const [{ dialog }, setUrl] = useUrl<{ dialog?: string }>();
  const { projects } = useSession();
  const refusals = useContextFieldRefusals();
  const queries = useQueryClient();
  const router = useRouter();
  const field = data.value;
  const isUsed = uses.strategies.length + uses.segments.length > 0;

  function askToDelete() {
    confirm({
      title: `Delete context field ${name}`,
      body: (
        <p>
          Nothing uses it. Applications may go on sending it; constraints and rollouts can no longer use it until it is
          created again.
        </p>
      ),
      verb: 'Delete context field',
      danger: true,
      act: async () => {
        await deleteContextField(field);
        await router.navigate(paths.contextFields());
        queries.removeQueries({ queryKey: contextFieldQuery(name).queryKey });
        await refresh(queries, [{ kind: 'context-field', id: name }]);
        toast(`Context field ${name} is deleted.`);
      },
    });
  }

  return (
    <Page
      title={name}
      crumbs={[{ name: 'Context fields', link: paths.contextFields() }]}
      marks={field.stickiness && <Badge tone="accent">sticky</Badge>}
      about={field.description}
      actions={
        <>
          <Button
            icon={<Pencil size={15} aria-hidden="true" />}
            disabledReason={refusals.update(field.project)}
            onPress={() => setUrl({ dialog: 'edit' }, 'push')}
          >
            Edit
          </Button>
          <Button
            icon={<Trash2 size={15} aria-hidden="true" />}
            disabledReason={
              refusals.delete(field.project) ??
              (isUsed && 'It is in use: take it out of the strategies and segments below first.')
            }
            onPress={askToDelete}
          >
            Delete
          </Button>
        </>
      }
    >
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="flex flex-col gap-4">
          <Card title="About">
            <Facts>
              <Fact name="For">
                {field.project ? (
                  <Link {...paths.project(field.project)} className={linkClass}>
                    {projects.find(({ id }) => id === field.project)?.name ?? field.project}
                  </Link>
                ) : (
                  'all projects'
                )}
              </Fact>
              <Fact name="Stickiness">
                {field.stickiness ? 'Rollouts can stick to it' : 'Rollouts cannot stick to it'}
              </Fact>
              <Fact name="Created">
                <Time at={field.createdAt} />
              </Fact>
            </Facts>
          </Card>
          <Card title={`Legal values (${field.legalValues.length})`}>
            <LegalValues values={field.legalValues} />
          </Card>
        </div>
        <Card title="Where it is used">
          <h3 className="font-medium">In strategies</h3>
          {uses.strategies.length === 0 && <p className="text-soft">In no strategy of any feature.</p>}
          <StrategyUses uses={uses.strategies} />
          <h3 className="mt-3 font-medium">In segments</h3>
          {uses.segments.length === 0 && <p className="text-soft">In no segment.</p>}
          <SegmentUses segments={uses.segments} />
        </Card>
      </div>
      <Suspense fallback={null}>
        {dialog === 'edit' && <EditContextField name={name} onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </Page>
  );
}

function LegalValues({ values }: { values: Schemas['LegalValue'][] }) {
  if (values.length === 0)
    return <p className="text-soft">None: constraints on it take any value. Add some to let people choose.</p>;
  return (
    <ul className="divide-y">
      {values.map(({ value, description }) => (
        <li key={value} className="grid grid-cols-[minmax(6rem,max-content)_1fr] gap-x-4 py-1.5">
          <code className="font-mono text-sm">{value}</code>
          <span className="text-soft">{description}</span>
        </li>
      ))}
    </ul>
  );
}
