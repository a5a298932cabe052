import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answered, api } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { nameOf } from '../kit/people';
import { ShownOnce } from '../kit/ShownOnce';
import { toast } from '../kit/toast/toasts';

type Person = { id: number; name?: string | null; username?: string | null; email?: string | null };

/** What can be done to users without a form. `shown` is to be put into the page. */
export function useUserDeeds() {
  const queries = useQueryClient();
  const [link, setLink] = useState<{ name: string; url: string }>();

  function askToReset(user: Person) {
    const name = nameOf(user);
    confirm({
      title: `Make a password link for ${name}`,
      body: (
        <p>
          You get a link with which {name} sets a new password. It works once, for a day. Until then the old password
          works.
        </p>
      ),
      verb: 'Make link',
      act: async () => {
        const answer = await answered(api.POST('/api/admin/user-admin/reset-password', { body: { id: user.id } }));
        setLink({ name, url: answer.resetPasswordUrl });
      },
    });
  }

  function askToDelete(users: Person[], then?: () => Promise<void>) {
    const [first] = users;
    if (!first) return;
    const who = users.length === 1 ? nameOf(first) : `${users.length} users`;
    confirm({
      title: `Delete ${who}`,
      body: (
        <>
          <p>
            {users.length === 1 ? `${who} is` : 'They are'} signed out at once and cannot sign in again. Their personal
            tokens stop working and they leave their projects. What they made stays, and the events still name them.
          </p>
          {users.length > 1 && (
            <ul className="list-disc pl-5">
              {users.map((user) => (
                <li key={user.id}>{nameOf(user)}</li>
              ))}
            </ul>
          )}
        </>
      ),
      verb: users.length === 1 ? 'Delete user' : `Delete ${users.length} users`,
      danger: true,
      act: async () => {
        if (users.length === 1)
          await answered(api.DELETE('/api/admin/user-admin/{id}', { params: { path: { id: first.id } } }));
        else
          await answered(
            api.POST('/api/admin/user-admin/inactive/delete', { body: { ids: users.map(({ id }) => id) } }),
          );
        await then?.();
        await refresh(
          queries,
          users.map(({ id }) => ({ kind: 'user', id: String(id) })),
        );
        toast(users.length === 1 ? `${who} is deleted.` : `${who} are deleted.`);
      },
    });
  }

  const shown = link && (
    <ShownOnce
      title={`Password link for ${link.name}`}
      text={link.url}
      what="password link"
      onClose={() => setLink(undefined)}
    >
      <p>Give it to {link.name} on a way that only they read. It works once, for a day.</p>
    </ShownOnce>
  );
  return { askToReset, askToDelete, shown };
}
