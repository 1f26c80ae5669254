import { z } from 'zod';
import type { GrafanaConfig } from '../../config/grafanaSchema.ts';
import { askGrafana, GrafanaUnavailable } from './askGrafana.ts';
import { readCa } from './readCa.ts';

/** Of each configured team, the logins of its members in small letters. */
export type TeamMembers = ReadonlyMap<string, ReadonlySet<string>>;

const found = z.object({ teams: z.array(z.object({ id: z.int(), name: z.string() })) });
const members = z.array(z.object({ login: z.string() }));

/**
 * Lists the members of the configured teams: two requests a team, however many people there are. Whoever belongs to which team
 * stands nowhere in the signed identity.
 * @throws GrafanaUnavailable, also for a team that is not there: the rule that names it may be what keeps people out.
 */
export async function fetchTeams(grafana: GrafanaConfig): Promise<TeamMembers> {
  const root = grafana.url.replace(/\/+$/, '');
  const ca = await readCa(grafana);
  const token = grafana.service_account_token;
  const ask = async <Output>(path: string, schema: z.ZodType<Output>): Promise<Output> => {
    const url = root + path;
    const answer = await askGrafana({ url, ...(ca === undefined ? {} : { ca }), ...(token && { token }) });
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new GrafanaUnavailable(`${url}: found another answer than that of Grafana 12`, { cause: parsed.error });
  };
  const teams = grafana.teams.map(async ({ name }) => {
    const { teams: answered } = await ask(`/api/teams/search?name=${encodeURIComponent(name)}`, found);
    const team = answered.find((one) => one.name === name);
    if (team === undefined) {
      throw new GrafanaUnavailable(
        `grafana.teams: found no team ${JSON.stringify(name)} in ${grafana.url}; check its name, and that the service account may read teams`,
      );
    }
    const people = await ask(`/api/teams/${team.id}/members`, members);
    return [name, new Set(people.map(({ login }) => login.toLowerCase()))] as const;
  });
  return new Map(await Promise.all(teams));
}
