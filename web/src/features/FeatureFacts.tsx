import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { linkClass } from '../kit/layout/Page';
import { paths } from '../paths';
import { Badge, Card, Fact, Facts } from '../ui/Bits';
import { Time } from '../ui/Time';

/** What a feature is, beside its strategies. It is edited in its settings. */
export function FeatureFacts({ feature, tags }: { feature: Schemas['Feature']; tags: Schemas['Tag'][] }) {
  const { dependencies, children, project, links } = feature;
  return (
    <aside aria-label="About this feature" className="flex flex-col gap-4">
      <Card title="About">
        <Facts>
          <Fact name="Type">{feature.type}</Fact>
          <Fact name="Stage">
            {feature.lifecycle.stage}, since <Time at={feature.lifecycle.enteredStageAt} />
          </Fact>
          <Fact name="Created">
            <Time at={feature.createdAt} /> by {feature.createdBy.name}
          </Fact>
          <Fact name="Impressions">{feature.impressionData ? 'reported' : 'not reported'}</Fact>
          <Fact name="Tags">
            <span className="flex flex-wrap gap-1">
              {tags.length === 0 && <span className="text-soft">none</span>}
              {tags.map(({ type, value }) => (
                <Badge key={`${type}:${value}`}>{`${type}:${value}`}</Badge>
              ))}
            </span>
          </Fact>
        </Facts>
      </Card>
      {(dependencies.length > 0 || children.length > 0) && (
        <Card title="Dependencies">
          <DependencyGraph feature={feature.name} project={project} parents={dependencies} dependents={children} />
        </Card>
      )}
      {links.length > 0 && (
        <Card title="Links">
          <ul className="flex flex-col gap-1">
            {links.map(({ id, title, url }) => (
              <li key={id}>
                <a href={url} target="_blank" rel="noreferrer" className={linkClass}>
                  {title || url}
                </a>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </aside>
  );
}

/** Parents above, the feature, children below. */
function DependencyGraph(props: {
  feature: string;
  project: string;
  parents: Schemas['Dependency'][];
  dependents: string[];
}) {
  const { feature, project, parents, dependents } = props;
  const box = 'block rounded-md border px-2 py-1 text-sm text-center';
  return (
    <div className="flex flex-col items-stretch">
      {parents.map((parent) => (
        <div key={parent.feature}>
          <Link {...paths.feature(project, parent.feature)} className={`${box} ${linkClass}`}>
            {parent.feature}
          </Link>
          <p className="text-center text-xs text-soft">
            <span aria-hidden="true">│ </span>
            {parent.enabled
              ? parent.variants?.length
                ? `is on with ${parent.variants.join(' or ')}`
                : 'has to be on'
              : 'has to be off'}
            <span aria-hidden="true"> ▼</span>
          </p>
        </div>
      ))}
      <p className={`${box} border-accent bg-accent-wash font-semibold`}>{feature}</p>
      {dependents.map((child) => (
        <div key={child}>
          <p className="text-center text-xs text-soft">
            <span aria-hidden="true">│ </span>needed by<span aria-hidden="true"> ▼</span>
          </p>
          <Link {...paths.feature(project, child)} className={`${box} ${linkClass}`}>
            {child}
          </Link>
        </div>
      ))}
    </div>
  );
}
