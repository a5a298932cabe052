import { Link } from '@tanstack/react-router';
import { Check, Minus } from 'lucide-react';
import { linkClass, Page } from '../kit/layout/Page';
import { permissionWords } from '../kit/permissions/words';
import type { Column } from '../kit/table/DataTable';
import { ListTable } from '../kit/table/ListTable';
import { paths } from '../paths';
import { Note } from '../ui/Bits';
import { builtInRoles, type PermissionRow, permissionRows, type RoleName, type Scope } from './built-in';

const places: Record<Scope, string> = {
  root: 'everywhere',
  project: 'a project',
  environment: 'an environment of a project',
};

const columns: Column<PermissionRow>[] = [
  {
    id: 'permission',
    header: 'Permission',
    order: ({ permission }) => permission,
    cell: ({ permission }) => (
      <span title={permission} className="font-medium">
        {permissionWords(permission)}
      </span>
    ),
  },
  {
    id: 'scope',
    header: 'For',
    wide: true,
    order: ({ scope }) => scope,
    cell: ({ scope }) => <span className="text-soft">{places[scope]}</span>,
  },
  ...builtInRoles.map(
    ({ name }): Column<PermissionRow> => ({
      id: name,
      header: name,
      align: 'center',
      order: ({ roles }) => (roles.has(name) ? 0 : 1),
      cell: (row) => <Holds role={name} row={row} />,
    }),
  ),
];

export function RolesPage() {
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
      <Note>
        There are only these five built-in roles: roles of your own cannot be made yet. Nor can a project take further
        owners and members yet: whoever creates it owns it.
      </Note>
      <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-5">
        {builtInRoles.map(({ name, where, description }) => (
          <li key={name} className="rounded-lg border bg-surface px-4 py-3">
            <h2 className="font-semibold">
              {name} <span className="font-normal text-soft">{where}</span>
            </h2>
            <p className="mt-1 text-sm text-soft">{description}</p>
          </li>
        ))}
      </ul>
      <ListTable
        label="Permissions"
        rows={permissionRows}
        columns={columns}
        rowKey={({ permission }) => permission}
        text={({ permission, scope }) => `${permission} ${permissionWords(permission)} ${places[scope]}`}
        empty={null}
      />
    </Page>
  );
}

function Holds({ role, row }: { role: RoleName; row: PermissionRow }) {
  const holds = row.roles.has(role);
  const Icon = holds ? Check : Minus;
  return (
    <span className={holds ? 'text-good' : 'text-soft'}>
      <Icon size={15} aria-hidden="true" className="inline-block" />
      <span className="sr-only">{holds ? 'yes' : 'no'}</span>
    </span>
  );
}
