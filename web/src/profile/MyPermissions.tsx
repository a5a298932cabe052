import { PermissionList } from '../kit/permissions/PermissionList';
import { permissionWords } from '../kit/permissions/words';
import { useSession } from '../kit/session';
import { Card } from '../ui/Bits';
import { byPlace, type Held } from './places';

/** What one may do, place by place. */
export function MyPermissions() {
  const { permissions, projects } = useSession();
  const places = byPlace(permissions);
  if (places.everywhere.includes('ADMIN'))
    return (
      <Card title="What I may do">
        <p>Everything, everywhere: you are an administrator.</p>
      </Card>
    );
  return (
    <Card title="What I may do">
      <div className="flex flex-col gap-4">
        <p>Look at everything that is not private to others, and besides:</p>
        {places.everywhere.length > 0 && (
          <section className="flex flex-col gap-2">
            <h3 className="text-sm font-semibold">Everywhere</h3>
            <List label="Everywhere" held={places.everywhere.map((permission) => ({ permission, environments: [] }))} />
          </section>
        )}
        {places.projects.map(({ project, held }) => {
          const name = projects.find(({ id }) => id === project)?.name ?? project;
          return (
            <section key={project} className="flex flex-col gap-2">
              <h3 className="text-sm font-semibold">In project {name}</h3>
              <List label={`In project ${name}`} held={held} />
            </section>
          );
        })}
        {permissions.length === 0 && (
          <p className="text-soft">Nothing yet. An administrator can give you another role.</p>
        )}
      </div>
    </Card>
  );
}

function List({ label, held }: { label: string; held: Held[] }) {
  return (
    <PermissionList
      label={label}
      permissions={held.map(({ permission, environments }) => ({
        name: permission,
        words: permissionWords(permission),
        held: true,
        ...(environments.length > 0 ? { where: environments.join(', ') } : {}),
      }))}
    />
  );
}
