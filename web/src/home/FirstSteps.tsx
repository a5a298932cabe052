import { Link } from '@tanstack/react-router';
import { useSession } from '../kit/session';
import { paths } from '../paths';
import { buttonClass } from '../ui/Button';

/** Of an installation that has no features yet: what to do first. */
export function FirstSteps() {
  const { projects } = useSession();
  const project = projects[0]?.id ?? 'default';
  return (
    <section aria-labelledby="first-steps" className="rounded-lg border border-accent bg-surface px-5 py-4">
      <h2 id="first-steps" className="text-lg font-semibold">
        Your first feature takes two minutes
      </h2>
      <ol className="mt-3 grid gap-4 sm:grid-cols-3">
        <Step nth={1} title="Create a feature">
          <p>A feature is a switch in your code. It begins switched off everywhere, so nothing changes yet.</p>
          <Link {...paths.features({ dialog: 'create' })} className={buttonClass('primary')}>
            Create the first feature
          </Link>
        </Step>
        <Step nth={2} title="Connect an SDK">
          <p>A token, and a few lines in the language of your application. Flagstone shows when it connects.</p>
          <Link {...paths.connect(project)} className={buttonClass('plain')}>
            Connect an SDK
          </Link>
        </Step>
        <Step nth={3} title="Turn it on">
          <p>First in development, then in production for 5 % of your users, then for all. Back with one click.</p>
        </Step>
      </ol>
    </section>
  );
}

function Step({ nth, title, children }: { nth: number; title: string; children: React.ReactNode }) {
  return (
    <li className="flex gap-3">
      <span
        aria-hidden="true"
        className="flex size-6 shrink-0 items-center justify-center rounded-full bg-accent-wash text-sm font-semibold text-accent"
      >
        {nth}
      </span>
      <div className="flex flex-col items-start gap-2">
        <h3 className="font-semibold">{title}</h3>
        {children}
      </div>
    </li>
  );
}
