import { Link, type LinkProps } from '@tanstack/react-router';
import { ChevronRight } from 'lucide-react';
import { useId, useState } from 'react';
import { mountedAt } from '../../api/client';
import { paths } from '../../paths';
import { Fact, Facts } from '../../ui/Bits';
import { cx } from '../../ui/cx';
import { ago, exactTime } from '../../ui/Time';
import { Copy } from '../Copy';
import { DifferenceList } from '../diff/DifferenceList';
import { EnvironmentName } from '../EnvironmentName';
import { linkClass } from '../layout/Page';
import { useSession } from '../session';
import { deed, type LoggedEvent, thing, thingId } from './words';

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });

/** Where the thing is that an event happened to; nothing if it is gone, or has no page. */
function placeOf(event: LoggedEvent): LinkProps | undefined {
  const { type, featureName, project } = event;
  if (/(-deleted|^feature-archived)$/.test(type)) return undefined;
  if (featureName && project) return paths.feature(project, featureName);
  if ((type.startsWith('project-') || type === 'default-strategy-updated') && project) return paths.project(project);
  const id = thingId(event);
  if (type.startsWith('segment-') && id) return paths.segment(id);
  if (type.startsWith('addon-') && id) return paths.integration(id);
  if (type.startsWith('user-') && id) return paths.user(id);
  const name = thing(event);
  if (type.startsWith('context-field-') && name) return paths.contextField(name);
  if (type.startsWith('application-') && name) return paths.application(name);
  if (type.startsWith('environment-')) return paths.environments();
  if (type.startsWith('api-token-')) return paths.apiTokens();
  if (type.startsWith('tag-type-')) return paths.tagTypes();
  return undefined;
}

/** An event: who did what and when; unfolded, what it changed. */
export function EventRow(props: {
  event: LoggedEvent;
  open?: boolean;
  /** Names the project. */
  where: boolean;
  /** Says how long ago it was, where no heading says the day. */
  relative?: boolean;
}) {
  const { event, open = false, where, relative = false } = props;
  const [isOpen, setOpen] = useState(open);
  const body = useId();
  const { environments } = useSession();
  const environment = environments.find(({ name }) => name === event.environment);
  const when = new Date(event.createdAt);
  const name = thing(event);
  const place = placeOf(event);
  return (
    <li>
      <div className="flex items-start gap-2 px-2 py-2 hover:bg-sunken">
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={body}
          aria-label={`Details of event ${event.id}`}
          className="mt-px flex size-6 shrink-0 items-center justify-center rounded-sm text-soft"
          onClick={() => setOpen(!isOpen)}
        >
          <ChevronRight size={16} aria-hidden="true" className={cx('transition-transform', isOpen && 'rotate-90')} />
        </button>
        <time
          dateTime={event.createdAt}
          title={exactTime(when)}
          className={cx('mt-0.5 shrink-0 text-soft', relative ? 'w-20 sm:w-28' : 'w-11')}
        >
          {relative ? ago(when) : clock.format(when)}
        </time>
        <div className="mt-0.5 flex min-w-0 flex-1 flex-wrap items-baseline gap-x-1.5 gap-y-1">
          <span className="font-semibold">{event.createdBy}</span>
          <span>{deed(event)}</span>
          {name && place && (
            <Link {...place} className={linkClass}>
              {name}
            </Link>
          )}
          {name && !place && <span className="font-medium">{name}</span>}
          {event.environment && (
            <>
              <span className="text-soft">in</span>
              <EnvironmentName name={event.environment} type={environment?.type ?? ''} />
            </>
          )}
          {where && event.project && event.featureName && (
            <span className="text-soft">
              {event.environment ? 'of' : 'in'} project{' '}
              <Link {...paths.project(event.project)} className="rounded-sm underline decoration-line-strong">
                {event.project}
              </Link>
            </span>
          )}
        </div>
      </div>
      {isOpen && (
        <div id={body} className="flex flex-col gap-3 border-t bg-sunken/50 px-3 py-3 sm:pl-10">
          <Details event={event} />
        </div>
      )}
    </li>
  );
}

function Details({ event }: { event: LoggedEvent }) {
  const when = new Date(event.createdAt);
  const day = event.createdAt.slice(0, 10);
  // What is made or gone is shown by its parts as well.
  const parts = (one: unknown, other: unknown) => one ?? (Array.isArray(other) ? [] : {});
  return (
    <>
      <DifferenceList
        before={parts(event.preData, event.data)}
        after={parts(event.data, event.preData)}
        empty="The event tells nothing more."
      />
      <div className="flex flex-wrap items-start justify-between gap-3">
        <Facts>
          <Fact name="When">{exactTime(when)}</Fact>
          <Fact name="Event">
            {event.id}, {event.type}
          </Fact>
          {event.tags.length > 0 && (
            <Fact name="Tags">{event.tags.map(({ type, value }) => `${type}:${value}`).join(', ')}</Fact>
          )}
        </Facts>
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
          <Link {...paths.events({ id: String(event.id) })} className={linkClass}>
            Only this event
          </Link>
          <Link {...paths.events({ from: day, to: day })} className={linkClass}>
            All of that day
          </Link>
          <span className="inline-flex items-center">
            <Copy text={`${location.origin}${mountedAt}events?id=${event.id}`} what="link" />
            <span aria-hidden="true">Link</span>
          </span>
          <span className="inline-flex items-center">
            <Copy text={JSON.stringify(event, null, 2)} what="JSON" />
            <span aria-hidden="true">JSON</span>
          </span>
        </div>
      </div>
    </>
  );
}
