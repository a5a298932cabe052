/** What a person is called: by name, else by what they sign in with. */
export function nameOf(user: {
  name?: string | null;
  username?: string | null;
  email?: string | null;
  id?: number;
}): string {
  return user.name || user.username || user.email || `user ${user.id}`;
}

/** As `app/passwords.rs` of the server judges them. */
export const passwordRule =
  'At least 10 characters, among them a lower-case and an upper-case letter, a digit and another character.';
