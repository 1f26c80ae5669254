// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written ${LIKE_THIS}.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError, describeConfig, loadConfig, planReload } from './config.ts';

const TOKEN = 'correct-horse-battery-staple';
const sourceSchemas = {
  'int-crucible': z.strictObject({ database_url: z.string(), batch: z.int().positive().default(500) }),
  'workflow-ledger': z.strictObject({
    redis: z.strictObject({ url: z.string(), password: z.string().optional() }),
    timezone: z.string().optional(),
  }),
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fleetlens-config-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function load(yaml: string, env: Record<string, string> = {}) {
  await writeFile(join(directory, 'fleetlens.yaml'), yaml);
  return loadConfig('fleetlens.yaml', { sourceSchemas, env, cwd: directory });
}

async function problemsOf(yaml: string, env: Record<string, string> = {}): Promise<string> {
  const error = await load(yaml, env).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw new Error('the file was not refused', { cause: error });
  return error.message;
}

describe('loadConfig', () => {
  it('has a default for everything when the default file does not exist', async () => {
    const config = await loadConfig(undefined, { sourceSchemas, env: {}, cwd: directory });
    expect(config.file).toBeUndefined();
    expect(config.web.listen_address).toEqual([{ host: '127.0.0.1', port: 9960 }]);
    expect(config.ledger).toMatchObject({
      data_dir: join(directory, 'data'),
      retention: { output: 14 * 86_400_000, output_bytes_per_run: 64 * 2 ** 20, runs: 400 * 86_400_000 },
      settle_after: 300_000,
    });
    expect(config.ledger.database_url).toBeUndefined();
    expect(config.ingest).toMatchObject({ max_event_bytes: 1e6, max_body_bytes: 1e7, max_depth: 64 });
    expect(config.metrics).toMatchObject({ max_series: 20_000, family_share: 0.25, require_token: false });
  });

  it('reads an empty file as all defaults', async () => {
    expect((await load('# nothing yet\n')).tokens).toEqual([]);
  });

  it('refuses a named file that does not exist', async () => {
    const loading = loadConfig('other.yaml', { sourceSchemas, env: {}, cwd: directory });
    await expect(loading).rejects.toThrow(/other\.yaml.*\n.*found no such file/);
  });

  it('converts units once and makes file names absolute', async () => {
    const config = await load(
      `
web: {listen_address: ["127.0.0.1:0", "[::1]:9961", ":9962"], config_file: tls/web.yaml}
ledger: {data_dir: ./state, retention: {samples: 1h30m}}
sources:
  - {name: main, type: int-crucible, database_url: "postgres://x", poll_interval: 500ms}
  - {name: flows, type: workflow-ledger, timezone: Europe/Berlin, redis: {url: "redis://r"}}
`,
    );
    expect(config.web.listen_address).toEqual([
      { host: '127.0.0.1', port: 0 },
      { host: '::1', port: 9961 },
      { port: 9962 },
    ]);
    expect(config.web.config_file).toBe(join(directory, 'tls/web.yaml'));
    expect(config.ledger.data_dir).toBe(join(directory, 'state'));
    expect(config.ledger.retention.samples).toBe(5_400_000);
    expect(config.sources).toEqual([
      {
        name: 'main',
        type: 'int-crucible',
        poll_interval: 500,
        timeout: 30_000,
        options: { database_url: 'postgres://x', batch: 500 },
      },
      {
        name: 'flows',
        type: 'workflow-ledger',
        poll_interval: 15_000,
        timeout: 30_000,
        timezone: 'Europe/Berlin',
        // The type's schema names timezone itself, so it is handed on too.
        options: { redis: { url: 'redis://r' }, timezone: 'Europe/Berlin' },
      },
    ]);
  });

  it('reports all problems at once, each with line, path, what was found and what was expected', async () => {
    const message = await problemsOf(`web:
  listen_adress: ":9960"
ledger:
  retention: {output: 14x}
tokens:
  - name: ci
    role: root
    token: ${TOKEN}
sources:
  - {name: "a b", type: int-crucible, databse_url: "postgres://x"}
  - {name: b, type: nonesuch}
  - {name: c, type: workflow-ledger, redis: {url: 5}, timezone: Mars/Olympus}
metrics: {family_share: 1.5, max_series: many}
surprise: 1
`);
    expect(message).toContain('fleetlens.yaml: 12 problems');
    expect(message).toContain(
      '  line 2, web.listen_adress: unknown key, expected one of listen_address, config_file, external_url, trusted_proxies\n',
    );
    expect(message).toContain(
      '  line 4, ledger.retention.output: found "14x", expected a duration such as 15s, 5m, 24h or 35d\n',
    );
    expect(message).toContain(
      '  line 7, tokens[0].role: found "root", expected one of ingest, viewer, operator, builder, admin\n',
    );
    expect(message).toContain('  line 10, sources[0].name: found "a b", expected 1 to 64 of');
    expect(message).toContain('  line 10, sources[0].databse_url: unknown key, expected one of database_url, batch\n');
    expect(message).toContain('  line 10, sources[0].database_url: found nothing, expected text\n');
    expect(message).toContain(
      '  line 11, sources[1].type: found "nonesuch", expected one of int-crucible, workflow-ledger\n',
    );
    expect(message).toContain('  line 12, sources[2].redis.url: found 5, expected text\n');
    expect(message).toContain('  line 12, sources[2].timezone: found "Mars/Olympus", expected an IANA time zone');
    expect(message).toContain('  line 13, metrics.family_share: found 1.5, expected at most 1\n');
    expect(message).toContain('  line 13, metrics.max_series: found "many", expected a number\n');
    expect(message).toContain('  line 14, surprise: unknown key');
  });

  it('explains a wrong entry of a list where the entry stands', async () => {
    const message = await problemsOf('web:\n  listen_address:\n    - ":9960"\n    - nowhere\n');
    expect(message).toContain(
      '  line 4, web.listen_address[1]: found "nowhere", expected an address such as 127.0.0.1:9960',
    );
  });

  it('names the line of broken YAML and of a key that stands twice', async () => {
    expect(await problemsOf('web: {}\nledger: [\n')).toMatch(/line [23]: not valid YAML/);
    expect(await problemsOf('web: {}\nweb: {}\n')).toMatch(/line 2: not valid YAML: .*unique/);
  });

  it('does not let an entry reach the prototype', async () => {
    expect(await problemsOf('sources: [{name: a, type: constructor}]\n')).toContain('found "constructor"');
    expect(await problemsOf('__proto__: {web: 1}\n')).toContain('__proto__: unknown key');
  });

  it('never shows a secret in a message', async () => {
    const message = await problemsOf(`tokens: [{name: a, role: viewer, token: 5hort-s3cret}]
ledger: {database_url: "mysql://me:hunter2@db/x"}
`);
    expect(message).toContain('tokens[0].token: found a secret (not shown), expected at least 16 characters');
    expect(message).toContain('found "mysql://me:***@db/x"');
    expect(message).not.toMatch(/5hort|hunter2/);
  });

  it('refuses names and tokens that stand twice, and rules that contradict each other', async () => {
    const message = await problemsOf(`tokens:
  - {name: a, role: viewer, token: ${TOKEN}}
  - {name: a, role: viewer, token_sha256: ${sha256(TOKEN)}}
sources:
  - {name: s, type: int-crucible, database_url: x}
  - {name: s, type: int-crucible, database_url: x}
`);
    expect(message).toContain('line 3, tokens[1].name: the same name as tokens[0]');
    expect(message).toContain('line 3, tokens[1].token: the same token as tokens[0]');
    expect(message).toContain('line 6, sources[1].name: the same name as sources[0]');
    expect(await problemsOf('metrics: {require_token: true}\n')).toContain('found true and no tokens');
    expect(await problemsOf(`tokens: [{name: a, role: viewer, token: ${TOKEN}, sources: [x]}]\n`)).toContain(
      'only an ingest token is bound to sources',
    );
    expect(await problemsOf('tokens: [{name: a, role: viewer}]\n')).toContain(
      'tokens[0]: expected one of token, token_file or token_sha256, found none',
    );
    expect(await problemsOf('ingest: {max_event_bytes: 20MB}\n')).toContain('expected at most max_body_bytes');
  });
});

describe('tokens', () => {
  it('are kept as SHA-256 alone', async () => {
    await writeFile(join(directory, 'ci-token'), `${TOKEN}-from-file\n`);
    const config = await load(`tokens:
  - {name: plain, role: viewer, token: ${TOKEN}, projects: [web]}
  - {name: file, role: ingest, token_file: ci-token, sources: [ci]}
  - {name: hash, role: admin, token_sha256: ${sha256('another-long-token-value').toUpperCase()}}
`);
    expect(config.tokens).toEqual([
      { name: 'plain', role: 'viewer', sha256: sha256(TOKEN), projects: ['web'] },
      { name: 'file', role: 'ingest', sha256: sha256(`${TOKEN}-from-file`), sources: ['ci'] },
      { name: 'hash', role: 'admin', sha256: sha256('another-long-token-value') },
    ]);
    expect(JSON.stringify(config)).not.toContain(TOKEN);
  });

  it('say once that their file is missing, empty or not the only one', async () => {
    await writeFile(join(directory, 'empty'), '\n');
    const message = await problemsOf(`tokens:
  - {name: a, role: viewer, token_file: missing}
  - {name: b, role: viewer, token_file: empty}
  - {name: c, role: viewer, token_file: empty, token: ${TOKEN}}
`);
    expect(message).toContain('fleetlens.yaml: 3 problems');
    expect(message).toMatch(/line 2, tokens\[0\]\.token_file: found "missing", expected a file.*ENOENT/);
    expect(message).toContain('line 3, tokens[1].token_file: found the empty file "empty"');
    expect(message).toContain('line 4, tokens[2].token_file: found both token and token_file');
  });
});

describe('references to the environment', () => {
  it('are put in as values, never as YAML', async () => {
    const config = await load(
      'sources: [{name: s, type: int-crucible, database_url: "${URL}"}]\nledger: {database_url: "postgres://${U:-me}:$${x}@db"}\n',
      { URL: 'a: b # c ${NOT} [' },
    );
    expect(config.sources[0]?.options).toMatchObject({ database_url: 'a: b # c ${NOT} [' });
    expect(config.ledger.database_url).toBe('postgres://me:${x}@db');
  });

  it('become numbers and booleans where those are expected, and stay text where text is', async () => {
    const digits = '12345678901234567890';
    const config = await load(
      `metrics: {max_series: "\${MAX}", require_token: \${REQ}}
tokens: [{name: t, role: viewer, token: \${TOKEN}}]
sources: [{name: s, type: int-crucible, database_url: x, batch: \${BATCH}}]
`,
      { MAX: '500', REQ: 'true', TOKEN: digits, BATCH: '7' },
    );
    expect(config.metrics).toMatchObject({ max_series: 500, require_token: true });
    expect(config.tokens[0]?.sha256).toBe(sha256(digits));
    expect(config.sources[0]?.options).toMatchObject({ batch: 7 });
  });

  it('are refused by name when unset or empty without a default; an empty default means absent', async () => {
    const message = await problemsOf('web: {external_url: "${A}", config_file: "${B}"}\nledger: {data_dir: "${}"}\n', {
      B: '',
    });
    expect(message).toContain('web.external_url: the environment variable A is not set');
    expect(message).toContain('web.config_file: the environment variable B is empty');
    expect(message).toContain('ledger.data_dir: found "${" without a variable name');
    expect((await load('ledger: {database_url: "${A:-}"}\n')).ledger.database_url).toBeUndefined();
  });

  it("fill the rate limits by the platforms' own variables, and only what the file leaves out", async () => {
    const env = {
      RATE_LIMIT_MAX: '5',
      RATE_LIMIT_WINDOW: '90',
      REDIS_HOST: 'redis.internal',
      REDIS_PORT: '6380',
      REDIS_PASSWORD: '0123',
    };
    expect((await load('{}', env)).rate_limit).toEqual({
      max: 5,
      project_max: 5,
      window: 90_000,
      redis_host: 'redis.internal',
      redis_port: 6380,
      redis_password: '0123',
    });
    const given = await load('rate_limit: {max: 100, project_max: 10, window: 2m}\n', env);
    expect(given.rate_limit).toMatchObject({ max: 100, project_max: 10, window: 120_000, redis_port: 6380 });
    expect((await load('rate_limit: {project_max: 7}\n')).rate_limit).toMatchObject({ max: 36_000, project_max: 7 });
    expect(await problemsOf('{}', { RATE_LIMIT_MAX: 'none' })).toContain(
      'rate_limit.max: found "none", expected a number',
    );
    expect(await problemsOf('{}', { RATE_LIMIT_WINDOW: 'soon' })).toContain(
      'rate_limit.window: found "soon", expected a duration such as 15s',
    );
    expect(await problemsOf('{}', { REDIS_PORT: '70000' })).toContain('rate_limit.redis_port: found 70000');
  });

  it('fill what the file leaves out, and only that', async () => {
    const env = {
      DATABASE_URL: 'postgres://env/db',
      LOG_LEVEL: 'debug',
      LOG_REQUESTS: 'true',
      LOG_HEALTH_REQUESTS: '0',
    };
    const filled = await load('{}', env);
    expect(filled.ledger.database_url).toBe('postgres://env/db');
    expect(filled.log).toEqual({ level: 'debug', requests: true, health_requests: false });
    const given = await load('ledger: {database_url: "postgres://file/db"}\nlog: {level: warn}\n', env);
    expect(given.ledger.database_url).toBe('postgres://file/db');
    expect(given.log.level).toBe('warn');
    expect(await problemsOf('{}', { LOG_LEVEL: 'loud' })).toContain('log.level: found "loud", expected one of trace');
  });
});

describe('flags', () => {
  it('win over the file and the environment, and are checked like the file', async () => {
    const yaml = 'web: {listen_address: ":1", config_file: a.yaml}\nlog: {level: warn}\n';
    await writeFile(join(directory, 'fleetlens.yaml'), yaml);
    const options = { sourceSchemas, env: { LOG_LEVEL: 'error' }, cwd: join(directory, 'elsewhere') };
    const file = join(directory, 'fleetlens.yaml');
    const flags = { listenAddresses: ['[::1]:2', ':3'], webConfigFile: 'b.yaml', logLevel: 'debug' };
    const config = await loadConfig(file, { ...options, flags });
    expect(config.web.listen_address).toEqual([{ host: '::1', port: 2 }, { port: 3 }]);
    // A flag's file is relative to where the command runs, the file's to the file.
    expect(config.web.config_file).toBe(join(directory, 'elsewhere', 'b.yaml'));
    expect(config.log.level).toBe('debug');
    expect((await loadConfig(file, options)).web.config_file).toBe(join(directory, 'a.yaml'));
    await expect(loadConfig(file, { ...options, flags: { listenAddresses: ['x'] } })).rejects.toThrow(
      'web.listen_address[0]: found "x", expected an address such as',
    );
  });
});

describe('secret files', () => {
  it('are read for the ledger and, at any depth, for sources', async () => {
    await mkdir(join(directory, 'secrets'));
    await writeFile(join(directory, 'secrets/db'), 'postgres://me:pw@db/x\n');
    await writeFile(join(directory, 'secrets/redis'), 'redis-pw');
    const config = await load(
      `ledger: {database_url_file: secrets/db}
rate_limit: {redis_password_file: secrets/redis}
sources: [{name: s, type: workflow-ledger, redis: {url: "redis://r", password_file: \${DIR:-a, b}/redis}}]
`,
      { DIR: 'secrets' },
    );
    expect(config.ledger.database_url).toBe('postgres://me:pw@db/x');
    expect(config.rate_limit.redis_password).toBe('redis-pw');
    expect(config.sources[0]?.options).toEqual({ redis: { url: 'redis://r', password: 'redis-pw' } });
  });
});

it('trusted proxies are addresses and networks', async () => {
  const proxies = ['10.0.0.7', '10.0.0.0/8', '::1', 'fd00::/8'];
  expect((await load(`web: {trusted_proxies: ${JSON.stringify(proxies)}}\n`)).web.trusted_proxies).toEqual(proxies);
  for (const wrong of ['10.0.0.0/33', 'proxy.internal', '10.0.0.0/8/8', '10.0.0.0/', 'fd00::/129', '']) {
    expect(await problemsOf(`web: {trusted_proxies: [${JSON.stringify(wrong)}]}\n`)).toContain(
      `web.trusted_proxies[0]: found ${JSON.stringify(wrong)}, expected an address or a network`,
    );
  }
});

describe('describeConfig', () => {
  it('shows the configuration in force in the units of the file, without secrets', async () => {
    const config = await load(`ledger: {database_url: "postgres://me:hunter2@db/x?sslmode=require"}
rate_limit: {redis_host: r, redis_password: hunter2, window: 2m}
tokens: [{name: t, role: viewer, token: ${TOKEN}}]
sources: [{name: s, type: workflow-ledger, redis: {url: "redis://:hunter2@r", password: hunter2}}]
`);
    const shown = describeConfig(config);
    expect(shown).toMatchObject({
      web: { listen_address: ['127.0.0.1:9960'] },
      ledger: { database_url: 'postgres://me:***@db/x?sslmode=require', retention: { output_bytes_per_run: '64MiB' } },
      ingest: { max_body_bytes: '10MB', max_field_bytes: '256KiB' },
      rate_limit: { max: 36_000, window: '2m', redis_host: 'r', redis_password: '<secret>' },
      sources: [{ poll_interval: '15s', options: { redis: { url: 'redis://:***@r', password: '<secret>' } } }],
    });
    expect(JSON.stringify(shown)).not.toContain('hunter2');
    expect(JSON.stringify(shown)).not.toContain(sha256(TOKEN));
  });
});

describe('planReload', () => {
  it('separates what a reload applies from what needs a restart', async () => {
    const before = await load('metrics: {max_series: 10}\n');
    const after = await load(`web: {listen_address: ":1"}
ledger: {lost_after: 1h}
metrics: {max_series: 20, deny: [fleet_runs]}
rate_limit: {max: 5}
tokens: [{name: t, role: viewer, token: ${TOKEN}}]
log: {level: debug}
`);
    const plan = planReload(before, after);
    expect(plan.apply).toEqual(['tokens', 'rate_limit', 'log', 'metrics.deny']);
    expect(plan.restart).toEqual(['web.listen_address', 'ledger.lost_after', 'metrics.max_series']);
    expect(plan.effective.metrics).toMatchObject({ max_series: 10, deny: ['fleet_runs'] });
    expect(plan.effective.web).toEqual(before.web);
    expect(plan.effective.tokens).toEqual(after.tokens);
  });

  it('finds nothing to do between equal files', async () => {
    const yaml = 'sources: [{name: s, type: int-crucible, database_url: x}]\n';
    const plan = planReload(await load(yaml), await load(yaml));
    expect([plan.apply, plan.restart]).toEqual([[], []]);
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
