import { useSuspenseQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { counted } from '../kit/counted';
import { linkClass } from '../kit/layout/Page';
import { ProjectFrame } from '../kit/ProjectFrame';
import { projectQuery } from '../kit/queries';
import { paths } from '../paths';
import { Bar, Card } from '../ui/Bits';
import { ActivityChart } from './ActivityChart';
import { projectStatusQuery } from './queries';

export function ProjectInsightsPage() {
  const { projectId } = useParams({ from: '/signed-in/projects/$projectId/insights' });
  const { data: status } = useSuspenseQuery(projectStatusQuery(projectId));
  const { health, stats, featureTypeCounts } = useSuspenseQuery(projectQuery(projectId)).data.value;
  const { lifecycleSummary: stages, resources, staleFlags } = status;
  return (
    <ProjectFrame projectId={projectId}>
      <div className="grid gap-4 md:grid-cols-2 xl:grid-cols-3">
        <Card title="Health">
          <p className="text-xl font-semibold">
            {health} % <Bar percent={health} tone={health >= 80 ? 'good' : health >= 50 ? 'warn' : 'bad'} />
          </p>
          <p className="mt-1 text-soft">
            The share of features that are neither stale nor past the life that their type expects.
          </p>
          <ul className="mt-2">
            <li>
              <Link {...paths.project(projectId, { state: 'stale' })} className={linkClass}>
                {staleFlags.total} stale
              </Link>
            </li>
          </ul>
        </Card>
        <Card title="Stages">
          <table className="w-full">
            <thead className="sr-only">
              <tr>
                <th>Stage</th>
                <th>Features</th>
              </tr>
            </thead>
            <tbody>
              <Stage name="Initial" count={stages.initial.currentFlags} />
              <Stage name="Pre-live" count={stages.preLive.currentFlags} />
              <Stage name="Live" count={stages.live.currentFlags} />
              <Stage name="Completed" count={stages.completed.currentFlags} />
            </tbody>
          </table>
        </Card>
        <Card title="In the last 30 days">
          <ul>
            <li>{compared(stats.createdCurrentWindow, stats.createdPastWindow, 'features created')}</li>
            <li>{compared(stats.archivedCurrentWindow, stats.archivedPastWindow, 'features archived')}</li>
            <li>{compared(stats.projectActivityCurrentWindow, stats.projectActivityPastWindow, 'changes')}</li>
            <li>{stats.avgTimeToProdCurrentWindow} days from creation to production, on average</li>
          </ul>
        </Card>
        <Card title="Types">
          <ul>
            {featureTypeCounts.map(({ type, count }) => (
              <li key={type} className="flex justify-between">
                <span>{type}</span>
                <span>{count}</span>
              </li>
            ))}
            {featureTypeCounts.length === 0 && <li className="text-soft">No features yet.</li>}
          </ul>
        </Card>
        <Card title="What belongs to it">
          <ul>
            <li>{counted(resources.members, 'member')}</li>
            <li>{counted(resources.apiTokens, 'API token')}</li>
            <li>{counted(resources.segments, 'segment')}</li>
          </ul>
        </Card>
        <Card title="Changes by day" className="md:col-span-2 xl:col-span-3">
          <ActivityChart days={status.activityCountByDate} />
        </Card>
      </div>
    </ProjectFrame>
  );
}

function Stage({ name, count }: { name: string; count: number }) {
  return (
    <tr>
      <th scope="row" className="py-0.5 text-left font-normal">
        {name}
      </th>
      <td className="text-right">{count}</td>
    </tr>
  );
}

function compared(now: number, before: number, what: string): ReactNode {
  return (
    <>
      <strong>{now}</strong> {what} <span className="text-soft">({before} in the 30 days before)</span>
    </>
  );
}
