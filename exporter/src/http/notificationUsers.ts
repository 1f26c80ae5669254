import { rolesFrom } from '../config/roles.ts';
import type { Principal } from './auth.ts';
import { HttpError } from './httpError.ts';

const MAY_NAME_A_USER = rolesFrom('operator');

/**
 * Whose notifications a principal reads and marks: a person their own, a program with a token of role operator or above
 * those of the users that it names.
 * @param asked users that the request names
 * @returns undefined for those of all users.
 * @throws HttpError 403
 */
export function notificationUsers(
  principal: Principal,
  asked: readonly string[] | undefined,
): readonly string[] | undefined {
  const { kind, name, role, user } = principal;
  if (kind === 'user') {
    const own = [user?.login, user?.email].filter((text) => text !== undefined && text !== '') as string[];
    const other = asked?.find((text) => !own.includes(text));
    if (other === undefined) return asked ?? own;
    throw new HttpError(403, 'forbidden', `user: found ${JSON.stringify(other)}, expected ${own.join(' or ')}`);
  }
  // A read from this machine while no tokens are configured may read everything.
  if (kind === 'local' || MAY_NAME_A_USER.some((known) => known === role)) return asked;
  const found = `found ${kind === 'basic' ? 'user' : 'token'} "${name}" of role ${role}`;
  const expected = `a person whom Grafana vouches for, or a token of role ${MAY_NAME_A_USER.join(', ')}`;
  throw new HttpError(403, 'forbidden', `${found}, expected ${expected}: notifications are a person's own`);
}
