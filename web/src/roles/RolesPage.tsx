import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Check, Minus } from 'lucide-react';
import { useMemo } from 'react';
import type { Schemas } from '../api/client';
import { linkClass, Page } from '../kit/layout/Page';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { paths } from '../paths';
import { Badge, Note } from '../ui/Bits';
import { type Hold, isCustom, matrix, type PermissionRow, placeOf } from './matrix';
import { rolesQuery } from './queries';

const scopes: Record<string, string> = {
  root: 'everywhere',
  project: 'a project',
  environment: 'an environment of a project',
};

function scopeOf({ permission: { type } }: PermissionRow): string {
  return scopes[type] ?? type;
}

export function RolesPage() {
  const { data } = useSuspenseQuery(rolesQuery);
  const rows = useMemo(() => matrix(data), [data]);
  const columns = useMemo(() => columnsFor(data.roles), [data]);
  return (
    <Page
      title="Roles"
      about={
        <>
          What people may do. Everybody has one role everywhere, given below{' '}
          <Link {...paths.users()} className={linkClass}>
            Users
          </Link>
          ; in projects they can have another one besides.
        </>
      }
    >
      {!data.roles.some(isCustom) && (
        <Note>
          These roles are built in: roles of your own cannot be made yet. Nor can a project take further owners and
          members yet: whoever creates it owns it.
        </Note>
      )}
      <ul aria-label="Roles" className="grid grid-cols-[repeat(auto-fill,minmax(min(13rem,100%),1fr))] gap-3">
        {data.roles.map((role) => (
          <li key={role.id} className="rounded-lg border bg-surface px-4 py-3">
            <div className="flex flex-wrap items-center gap-x-2">
              <h2 className="font-semibold">{role.name}</h2>
              <span className="text-soft">{placeOf(role)}</span>
              {isCustom(role) && <Badge tone="accent">custom</Badge>}
            </div>
            <p className="mt-1 text-sm text-soft">{role.description}</p>
          </li>
        ))}
      </ul>
      <ListTable
        label="Permissions"
        rows={rows}
        columns={columns}
        rowKey={({ permission }) => permission.name}
        text={(row) => `${row.permission.name} ${row.permission.displayName} ${scopeOf(row)}`}
        empty={null}
      />
    </Page>
  );
}

function columnsFor(roles: Schemas['RoleWithPermissions'][]): Column<PermissionRow>[] {
  return [
    {
      id: 'permission',
      header: 'Permission',
      pinned: true,
      order: ({ permission }) => permission.displayName,
      cell: ({ permission }) => (
        <span title={permission.name} className="inline-block min-w-32 font-medium">
          {permission.displayName}
        </span>
      ),
    },
    {
      id: 'scope',
      header: 'For',
      wide: true,
      order: scopeOf,
      cell: (row) => <span className="text-soft">{scopeOf(row)}</span>,
    },
    ...roles.map(
      ({ id, name }): Column<PermissionRow> => ({
        id: `role-${id}`,
        header: name,
        align: 'center',
        optional: true,
        order: ({ holds }) => order(holds.get(id)),
        cell: ({ holds }) => <Holds hold={holds.get(id) ?? 'no'} />,
      }),
    ),
  ];
}

function order(hold: Hold | undefined): number {
  return hold === 'yes' ? 0 : Array.isArray(hold) ? 1 : 2;
}

function Holds({ hold }: { hold: Hold }) {
  if (Array.isArray(hold)) return <span className="text-sm text-good">{hold.join(', ')}</span>;
  const Icon = hold === 'yes' ? Check : Minus;
  return (
    <span className={hold === 'yes' ? 'text-good' : 'text-soft'}>
      <Icon size={15} aria-hidden="true" className="inline-block" />
      <span className="sr-only">{hold}</span>
    </span>
  );
}
