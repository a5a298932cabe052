import { useSuspenseQuery } from '@tanstack/react-query';
import { Link, useParams, useRouter } from '@tanstack/react-router';
import { KeyRound, Pencil, Trash2 } from 'lucide-react';
import { Suspense } from 'react';
import type { Schemas } from '../api/client';
import { NotForYou } from '../kit/layout/NotForYou';
import { linkClass, Page } from '../kit/layout/Page';
import { nameOf } from '../kit/people';
import { PermissionList } from '../kit/permissions/PermissionList';
import { useSession } from '../kit/session';
import { useUrl } from '../kit/url';
import { paths } from '../paths';
import { Badge, Card, Fact, Facts } from '../ui/Bits';
import { Button } from '../ui/Button';
import { SelectField } from '../ui/Fields';
import { Time } from '../ui/Time';
import { useMaySeeUsers, useUserRefusals } from './can';
import { useUserDeeds } from './deeds';
import { accessQuery } from './queries';
import { EditUser } from './user-edit';

type Search = { dialog?: string; project?: string; environment?: string };

export function UserPage() {
  const { id } = useParams({ from: '/signed-in/users/$id' });
  if (useMaySeeUsers()) return <User id={Number(id)} />;
  return (
    <NotForYou title="User" who="Administrators look after users">
      What you may do yourself stands in your{' '}
      <Link {...paths.profile()} className={linkClass}>
        profile
      </Link>
      .
    </NotForYou>
  );
}

function User({ id }: { id: number }) {
  const [{ dialog, project, environment }, setUrl] = useUrl<Search>();
  const { data } = useSuspenseQuery(accessQuery(id, project, environment));
  const { projects, environments } = useSession();
  const refusals = useUserRefusals();
  const deeds = useUserDeeds();
  const router = useRouter();
  const { user, rootRole, projectRoles, overview } = data;

  return (
    <Page
      title={nameOf(user)}
      crumbs={[{ name: 'Users', link: paths.users() }]}
      marks={<Badge tone={rootRole.name === 'Admin' ? 'violet' : 'neutral'}>{rootRole.name}</Badge>}
      actions={
        <>
          <Button
            icon={<Pencil size={15} aria-hidden="true" />}
            disabledReason={refusals.change}
            onPress={() => setUrl({ dialog: 'edit' }, 'push')}
          >
            Edit
          </Button>
          <Button
            icon={<KeyRound size={15} aria-hidden="true" />}
            disabledReason={refusals.change}
            onPress={() => deeds.askToReset(user)}
          >
            Make password link
          </Button>
          <Button
            icon={<Trash2 size={15} aria-hidden="true" />}
            disabledReason={refusals.delete(id)}
            onPress={() => deeds.askToDelete([user], () => router.navigate(paths.users()))}
          >
            Delete
          </Button>
        </>
      }
    >
      <div className="grid items-start gap-4 lg:grid-cols-[20rem_1fr]">
        <div className="flex flex-col gap-4">
          <Card title="About">
            <Facts>
              {user.email && <Fact name="E-mail">{user.email}</Fact>}
              {user.username && <Fact name="User name">{user.username}</Fact>}
              <Fact name="Last seen">
                <Time at={user.seenAt} />
              </Fact>
              <Fact name="Added">
                <Time at={user.createdAt} />
              </Fact>
            </Facts>
          </Card>
          <Card title="Roles">
            <Roles root={rootRole} inProjects={projectRoles} />
          </Card>
        </div>
        <Card title="What they may do">
          {overview.root.some(({ name, hasPermission }) => name === 'ADMIN' && hasPermission) ? (
            <p>Everything, everywhere: they are an administrator.</p>
          ) : (
            <div className="flex flex-col gap-4">
              <div className="flex flex-wrap gap-3">
                <SelectField
                  label="In project"
                  className="w-56"
                  value={project ?? ''}
                  placeholder="No project chosen"
                  onChange={(project) => setUrl({ project })}
                  options={projects.map(({ id, name }) => ({ value: id, label: name }))}
                />
                <SelectField
                  label="In environment"
                  className="w-56"
                  value={environment ?? ''}
                  placeholder="No environment chosen"
                  disabled={!project}
                  onChange={(environment) => setUrl({ environment })}
                  options={environments.map(({ name }) => ({ value: name, label: name }))}
                />
              </div>
              <Permissions label="Everywhere" permissions={overview.root} />
              {project ? (
                <Permissions label={`In project ${project}`} permissions={overview.project} />
              ) : (
                <p className="text-soft">Choose a project to see what they may do in it.</p>
              )}
              {project && environment && (
                <Permissions label={`In ${environment} of project ${project}`} permissions={overview.environment} />
              )}
            </div>
          )}
        </Card>
      </div>
      {deeds.shown}
      <Suspense fallback={null}>
        {dialog === 'edit' && <EditUser id={id} onClose={() => setUrl({ dialog: '' })} />}
      </Suspense>
    </Page>
  );
}

function Roles({ root, inProjects }: { root: Schemas['Role']; inProjects: Schemas['AccessRole'][] }) {
  const { projects } = useSession();
  return (
    <ul className="divide-y">
      <li className="py-1.5 first:pt-0">
        <span className="font-medium">{root.name}</span> <span className="text-soft">everywhere</span>
        <p className="text-sm text-soft">{root.description}</p>
      </li>
      {inProjects.map(({ id, name, project }) => (
        <li key={`${project} ${id}`} className="py-1.5 last:pb-0">
          <span className="font-medium">{name}</span> <span className="text-soft">in </span>
          <Link {...paths.project(project)} className={linkClass}>
            {projects.find((known) => known.id === project)?.name ?? project}
          </Link>
        </li>
      ))}
    </ul>
  );
}

function Permissions({ label, permissions }: { label: string; permissions: Schemas['AccessPermission'][] }) {
  return (
    <section className="flex flex-col gap-2">
      <h3 className="text-sm font-semibold">{label}</h3>
      <PermissionList
        label={label}
        permissions={permissions.map(({ name, displayName, hasPermission }) => ({
          name,
          words: displayName,
          held: hasPermission ?? false,
        }))}
      />
    </section>
  );
}
