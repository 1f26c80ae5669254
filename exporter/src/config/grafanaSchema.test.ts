import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeConfig, loadConfig, planReload } from '../config.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleetlens-grafana-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function load(yaml: string) {
  await writeFile(join(directory, 'fleetlens.yaml'), yaml);
  return await loadConfig('fleetlens.yaml', { sourceSchemas: {}, env: {}, cwd: directory });
}

async function problemsOf(yaml: string): Promise<string> {
  return await load(yaml).then(
    () => 'none',
    (error: unknown) => String(error),
  );
}

describe('grafana:', () => {
  it('needs its URL and nothing else', async () => {
    const { grafana } = await load('grafana: {url: "https://grafana.example/"}');
    expect(grafana).toEqual({
      url: 'https://grafana.example/',
      org_id: 1,
      role_map: {
        None: { role: 'none' },
        Viewer: { role: 'viewer' },
        Editor: { role: 'operator' },
        Admin: { role: 'admin' },
      },
      users: [],
      teams: [],
    });
    expect((await load('')).grafana).toBeUndefined();
  });

  it('takes its secret from a file and finds its certificates beside itself', async () => {
    await writeFile(join(directory, 'sa'), 'glsa_secret\n');
    const config = await load(
      'grafana: {url: "https://g", ca_file: ca.pem, service_account_token_file: sa, teams: [{name: SRE, role: admin}]}',
    );
    expect(config.grafana).toMatchObject({ ca_file: join(directory, 'ca.pem'), service_account_token: 'glsa_secret' });
    expect(JSON.stringify(describeConfig(config))).not.toContain('glsa_secret');
  });

  it.each([
    ['grafana: {}', 'grafana.url: found nothing, expected text'],
    ['grafana: {url: grafana}', 'grafana.url: found "grafana", expected an http:// or https:// URL'],
    ['grafana: {url: "http://g", org_id: 0}', 'grafana.org_id: found 0, expected more than 0'],
    [
      'grafana: {url: "http://g", role_map: {Owner: admin}}',
      'role_map.Owner: unknown key, expected one of None, Viewer',
    ],
    [
      'grafana: {url: "http://g", role_map: {Viewer: root}}',
      'grafana.role_map.Viewer: found "root", expected one of viewer',
    ],
    [
      'grafana: {url: "http://g", role_map: {Viewer: {role: ingest}}}',
      'role_map.Viewer.role: found "ingest", expected one of viewer, operator',
    ],
    [
      'grafana: {url: "http://g", users: [{role: admin}]}',
      'users[0]: expected one of login, email or subject, found none',
    ],
    [
      'grafana: {url: "http://g", users: [{login: a, email: b, role: admin}]}',
      'users[0]: expected one of login, email or subject, found several',
    ],
    ['grafana: {url: "http://g", users: [{login: a}]}', 'users[0]: expected a role, projects or both, found neither'],
    [
      'grafana: {url: "http://g", users: [{subject: "12", role: admin}]}',
      'found "12", expected the subject of an identity, such as user:12',
    ],
    ['grafana: {url: "http://g", users: [{login: a, projects: []}]}', 'users[0].projects: found a list of 0'],
    [
      'grafana: {url: "http://g", users: [{login: a, role: admin}, {login: A, role: viewer}]}',
      'users[1].login: the same login as grafana.users[0]',
    ],
    [
      'grafana: {url: "http://g", teams: [{name: a, role: admin}]}',
      'grafana.service_account_token: found nothing, expected the token of a Grafana service account',
    ],
    [
      'tokens: [{name: g, role: viewer, token: 0123456789abcdef, require_identity: true}]',
      'tokens[0].require_identity: found true and no grafana:',
    ],
  ])('%s is refused: %s', async (yaml, problem) => {
    expect(await problemsOf(yaml)).toContain(problem);
  });

  it('is applied by a reload', async () => {
    const before = await load('');
    const after = await load('grafana: {url: "https://g"}');
    expect(planReload(before, after)).toMatchObject({
      apply: ['grafana'],
      restart: [],
      effective: { grafana: after.grafana },
    });
  });
});
