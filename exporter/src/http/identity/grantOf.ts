import type { BasicRole, GrafanaConfig } from '../../config/grafanaSchema.ts';
import { READING_ROLES, type ReadingRole } from '../../config/roles.ts';

/** What the signed identity says of who asks. */
export interface Claimed {
  /** `user:<id>`, or of what is no person: `service-account:<id>`, `anonymous:0`. */
  readonly subject: string;
  readonly login?: string | undefined;
  readonly email?: string | undefined;
  /** The basic role of Grafana. */
  readonly role?: string | undefined;
}

export interface Grant {
  readonly role: ReadingRole;
  /** Absent: all. */
  readonly projects?: readonly string[];
}

interface Rule {
  readonly role?: ReadingRole | 'none' | undefined;
  readonly projects?: 'all' | readonly string[] | undefined;
}

/**
 * What somebody may: by their own entry under `users`, else by those of their teams, else by their basic role. What an entry
 * leaves out comes from the basic role.
 * @param teams names of the teams that have the person as a member; asked for only where they decide.
 * @returns undefined where nothing gives a role.
 */
export async function grantOf(
  claimed: Claimed,
  grafana: GrafanaConfig,
  teams: () => Promise<ReadonlySet<string>>,
): Promise<Grant | undefined> {
  const basic: Rule = Object.hasOwn(grafana.role_map, claimed.role ?? '')
    ? grafana.role_map[claimed.role as BasicRole]
    : {};
  const user = grafana.users.find((entry) => isMeant(entry, claimed));
  if (user !== undefined) return toGrant(filled(user, basic));
  if (grafana.teams.length > 0) {
    const names = await teams();
    const rules = grafana.teams.filter(({ name }) => names.has(name)).map((team) => filled(team, basic));
    const joined = joinTeams(rules);
    if (joined !== undefined) return joined;
  }
  return toGrant(basic);
}

function isMeant({ login, email, subject }: GrafanaConfig['users'][number], claimed: Claimed): boolean {
  if (subject !== undefined) return subject === claimed.subject;
  if (login !== undefined) return login.toLowerCase() === claimed.login?.toLowerCase();
  return email?.toLowerCase() === claimed.email?.toLowerCase();
}

function filled(rule: Rule, basic: Rule): Rule {
  return { role: rule.role ?? basic.role, projects: rule.projects ?? basic.projects };
}

/** Of several teams the highest role counts, with the projects of those that give it: no team's role reaches another's projects. */
function joinTeams(rules: readonly Rule[]): Grant | undefined {
  const grants = rules.flatMap((rule) => toGrant(rule) ?? []);
  const highest = READING_ROLES.findLast((role) => grants.some((grant) => grant.role === role));
  if (highest === undefined) return undefined;
  const lists = grants.filter(({ role }) => role === highest).map(({ projects }) => projects);
  return lists.includes(undefined)
    ? { role: highest }
    : { role: highest, projects: [...new Set(lists.flatMap((list) => list ?? []))] };
}

function toGrant({ role, projects }: Rule): Grant | undefined {
  if (role === undefined || role === 'none') return undefined;
  return projects === undefined || projects === 'all' ? { role } : { role, projects };
}
