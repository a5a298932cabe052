import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useParams, useRouter } from '@tanstack/react-router';
import { Pencil, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { ConstraintText } from '../kit/constraints/ConstraintText';
import { Page } from '../kit/layout/Page';
import { StrategyUses } from '../kit/StrategyUses';
import { toast } from '../kit/toast/toasts';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Card, Fact, Facts } from '../ui/Bits';
import { Button } from '../ui/Button';
import { Time } from '../ui/Time';
import { useSegmentRefusals } from './can';
import { segmentQuery, segmentUsesQuery } from './queries';
import { EditSegment } from './segment-edit';

export function SegmentPage() {
  const id = Number(useParams({ from: '/signed-in/segments/$id' }).id);
  const { data } = useSuspenseQuery(segmentQuery(id));
  const { data: uses } = useSuspenseQuery(segmentUsesQuery(id));
  const [{ dialog }, setUrl] = useUrl<{ dialog?: string }>();
  const queries = useQueryClient();
  const router = useRouter();
  const { name, description, project, constraints, createdAt, createdBy } = data.value;
  const refusals = useSegmentRefusals(project ?? undefined);
  const used = uses.strategies.length + uses.archivedStrategies.length + uses.defaultStrategies.length > 0;

  function askToDelete() {
    confirm({
      title: `Delete segment ${name}`,
      verb: 'Delete segment',
      danger: true,
      body: <p>No strategy uses it. Its events stay in the log.</p>,
      act: async () => {
        await answered(api.DELETE('/api/admin/segments/{id}', { params: { path: { id } } }));
        await router.navigate(paths.segments());
        await refresh(queries, [{ kind: 'segment', id: String(id) }]);
        toast(`Segment ${name} is deleted.`);
      },
    });
  }

  return (
    <Page
      title={name}
      about={description}
      crumbs={[{ name: 'Segments', link: paths.segments() }]}
      actions={
        <>
          <Button
            icon={<Pencil size={15} aria-hidden="true" />}
            disabledReason={refusals.update}
            onPress={() => setUrl({ dialog: 'edit' }, 'push')}
          >
            Edit segment
          </Button>
          <Button
            icon={<Trash2 size={15} aria-hidden="true" />}
            disabledReason={refusals.delete ?? (used && 'It is in use: take it out of the strategies below first.')}
            onPress={askToDelete}
          >
            Delete segment
          </Button>
        </>
      }
    >
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="flex flex-col gap-4">
          <Card title="Who belongs to it">
            {constraints.length === 0 && <p>Everybody.</p>}
            <ul className="flex flex-col gap-1">
              {constraints.map((constraint, place) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: constraints have no identity but their place
                <li key={place}>
                  {place > 0 && <span className="text-soft">and </span>}
                  <ConstraintText constraint={constraint} most={100} />
                </li>
              ))}
            </ul>
          </Card>
          <Card title="Where it is used">
            {!used && <p className="text-soft">In no strategy yet. Add it to one on a feature’s page.</p>}
            <StrategyUses uses={uses.strategies} />
            {uses.archivedStrategies.length > 0 && (
              <>
                <h3 className="mt-3 font-medium">By archived features</h3>
                <ul>
                  {uses.archivedStrategies.map((use) => (
                    <li key={use.id}>{use.featureName}</li>
                  ))}
                </ul>
              </>
            )}
            {uses.defaultStrategies.map(({ projectId, environment }) => (
              <p key={`${projectId} ${environment}`}>
                By the default strategy of project {projectId} in {environment}.
              </p>
            ))}
          </Card>
        </div>
        <Card title="About">
          <Facts>
            <Fact name="Project">{project ?? 'all'}</Fact>
            <Fact name="Created">
              <Time at={createdAt} /> by {createdBy}
            </Fact>
          </Facts>
        </Card>
      </div>
      <Suspense fallback={null}>
        {dialog === 'edit' && <EditSegment id={id} onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </Page>
  );
}
