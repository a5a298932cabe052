import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { counted } from '../kit/counted';
import { EnvironmentName } from '../kit/EnvironmentName';
import { linkClass } from '../kit/layout/Page';
import { paths } from '../paths';
import { Card } from '../ui/Bits';
import { Time } from '../ui/Time';

/** Who has asked for features in the last day, by environment. */
export function Connections({ connections }: { connections: Schemas['HomeConnections'][] }) {
  return (
    <Card
      title="Connections in the last day"
      actions={
        <Link {...paths.applications()} className={`${linkClass} text-sm`}>
          Applications
        </Link>
      }
    >
      {connections.length === 0 && <p className="text-soft">No application has asked for features.</p>}
      <ul className="flex flex-col gap-1.5">
        {connections.map(({ environment, type, applications, instances, lastSeen }) => (
          <li key={environment} className="flex flex-wrap items-center gap-x-3">
            <EnvironmentName name={environment} type={type} />
            <span>
              {counted(applications, 'application')}, {counted(instances, 'instance')}
            </span>
            <span className="text-sm text-soft">
              last <Time at={lastSeen} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
