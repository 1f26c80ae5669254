import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporaryDirectory.ts';
import { ROOT, readComposeFile } from './composeFile.ts';
import { parseVariables } from './startStack.ts';

const run = promisify(execFile);
const COMPOSE = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
const EXAMPLE = parseVariables(readFileSync(join(ROOT, '.env.example'), 'utf8'));
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
const { services, volumes } = await readComposeFile();
const entries = Object.entries(services);
const named = (wrong: readonly (readonly [string, unknown])[]) => wrong.map(([name]) => name);

/** The command line of Docker Compose, where there is one; `config` needs no container engine. */
const cli = [['docker-compose'], ['docker', 'compose']].find(([command = '', ...args]) => {
  try {
    execFileSync(command, [...args, 'version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});
if (cli === undefined)
  console.log('No docker-compose or docker compose was found: what it says of the file is skipped.');

const [, FILL = ''] =
  /^#\s+(awk .*) > \.env && chmod 600 \.env$/m.exec(readFileSync(join(ROOT, '.env.example'), 'utf8')) ?? [];

/** What the line in the head of .env.example writes to .env. */
async function filledEnv(): Promise<string> {
  return (await run('bash', ['-c', FILL], { cwd: ROOT })).stdout;
}

describe('docker-compose.yml', () => {
  it('pins every image, and every stage of the Dockerfile', () => {
    const bases = [...DOCKERFILE.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
    const stages = [...DOCKERFILE.matchAll(/^FROM \S+ AS (\S+)/gm)].map(([, stage = '']) => stage);
    const images = [...entries.map(([, { image }]) => image), ...bases.filter((base) => !stages.includes(base))];
    expect(images.length).toBeGreaterThan(6);
    expect(images.filter((image) => !/:v?\d+\.\d+\.?\d*/.test(image))).toEqual([]);
    const targets = entries.flatMap(([, { build }]) => build?.target ?? []);
    expect(targets.filter((target) => !stages.includes(target))).toEqual([]);
  });

  it('runs no service as root, nor with a file system that it may write to, nor with capabilities', () => {
    // Those that are built here say it in the Dockerfile.
    const user = /^USER (\S+)/m.exec(DOCKERFILE)?.[1];
    expect(user).toBe('node');
    const roots = entries.filter(([, service]) => service.build?.target !== 'exporter' && !service.user);
    expect(named(roots)).toEqual([]);
    expect(named(entries.filter(([, { read_only }]) => read_only !== true))).toEqual([]);
    expect(named(entries.filter(([, { cap_drop }]) => cap_drop?.join() !== 'ALL'))).toEqual([]);
    expect(named(entries.filter(([, { security_opt }]) => !security_opt?.includes('no-new-privileges:true')))).toEqual(
      [],
    );
  });

  it('looks after the health of every service that serves something', () => {
    const unwatched = entries.filter(([, { healthcheck }]) => healthcheck?.test === undefined);
    expect(named(unwatched)).toEqual(['demo']);
    // A colon in a word that is not quoted makes a mapping of it.
    const words = entries.flatMap(([, { healthcheck, command = [] }]) => [...(healthcheck?.test ?? []), ...command]);
    expect(words.filter((word) => typeof word !== 'string')).toEqual([]);
    expect(services.demo?.ports).toBeUndefined();
  });

  it('publishes on loopback alone, and neither Postgres nor Redis at all', () => {
    const ports = entries.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBe(4);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    expect([services.postgres?.ports, services.redis?.ports]).toEqual([undefined, undefined]);
    expect([services.postgres?.networks, services.redis?.networks]).toEqual([['ledger'], ['ledger']]);
  });

  it('mounts what the project has, read-only, and volumes that it declares', () => {
    for (const volume of entries.flatMap(([, service]) => service.volumes ?? [])) {
      const [source = '', , mode] = volume.split(':');
      if (source.startsWith('.')) expect([volume, existsSync(join(ROOT, source)), mode]).toEqual([volume, true, 'ro']);
      else expect(Object.keys(volumes)).toContain(source);
    }
  });

  it('has no default for a secret, and tells each variable in .env.example or the configuration reference', () => {
    const reference = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
    const variables = [...COMPOSE.matchAll(/\$\{(\w+)(:[-?])?([^}]*)\}/g)];
    const secret = /(PASSWORD|TOKEN)$/;
    expect(variables.filter(([, name = '', how]) => secret.test(name) && how !== ':?').map(([text]) => text)).toEqual(
      [],
    );
    const names = [...new Set(variables.map(([, name = '']) => name))];
    expect(names.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
    expect(names.filter((name) => secret.test(name)).filter((name) => EXAMPLE[name] !== '')).toEqual([]);
    expect(Object.keys(EXAMPLE).filter((name) => !names.includes(name))).toEqual([]);
  });

  it('gets a secret of its own for each by the line in .env.example', async () => {
    const env = parseVariables(await filledEnv());
    const secrets = Object.entries(env).filter(([name]) => EXAMPLE[name] === '');
    expect(secrets.filter(([, value]) => !/^[0-9a-f]{48}$/.test(value))).toEqual([]);
    expect(new Set(secrets.map(([, value]) => value)).size).toBe(secrets.length);
    expect(secrets.length).toBeGreaterThan(5);
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(FILL);
  });

  it('allows every id of the plugin', () => {
    const ids = ['.', 'datasource', 'panels/rundetail', 'panels/sprintchain'].map(
      (folder) => JSON.parse(readFileSync(join(ROOT, 'plugin/src', folder, 'plugin.json'), 'utf8')).id,
    );
    expect(services.grafana?.environment?.GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS?.split(',')).toEqual(ids);
  });

  it('copies into its images what the project has and .dockerignore lets through', async () => {
    const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    expect(copied.length).toBeGreaterThan(8);
    const { stdout } = await run('git', ['ls-files', '--', ...copied], { cwd: ROOT });
    const files = stdout.split('\n');
    expect(copied.filter((path) => !files.some((file) => file === path || file.startsWith(`${path}/`)))).toEqual([]);
    const allowed = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    const isAllowed = (path: string) =>
      allowed.some((line) => line === `!${path}` || path.startsWith(`${line.slice(1)}/`));
    expect(copied.filter((path) => !isAllowed(path))).toEqual([]);
    // Every workspace: npm ci reads the manifests of all.
    const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { workspaces: string[] };
    expect(workspaces.filter((workspace) => !copied.includes(`${workspace}/package.json`))).toEqual([]);
  });

  it('starts the exporter by its own first line, on the Node of the project', async () => {
    expect(DOCKERFILE).toContain('ENTRYPOINT ["/app/exporter/bin/fleetlens.js"]');
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(DOCKERFILE.match(/^FROM node:([\d.]+)/gm)).toEqual(Array(2).fill(`FROM node:${devDependencies.node}`));
    const { stdout } = await run('git', ['ls-files', '--stage', 'exporter/bin/fleetlens.js'], { cwd: ROOT });
    expect(stdout).toMatch(/^100755 /);
  });
});

describe.skipIf(cli === undefined)('what Docker Compose says of it', () => {
  const [command = '', ...args] = cli ?? [];

  /** `docker compose config` in a directory with nothing but the file and this .env. */
  async function config(env: string, profile: readonly string[] = []) {
    const directory = await temporaryDirectory('compose');
    try {
      for (const file of ['docker-compose.yml', '.env.example']) {
        await mkdir(dirname(join(directory.path, file)), { recursive: true });
        await copyFile(join(ROOT, file), join(directory.path, file));
      }
      await writeFile(join(directory.path, '.env'), env);
      const { PATH = '' } = process.env;
      return await run(command, [...args, ...profile, 'config', '--format', 'json'], {
        cwd: directory.path,
        env: { PATH, HOME: directory.path },
      });
    } finally {
      await directory.remove();
    }
  }

  it('takes it with the .env that the line in .env.example makes', async () => {
    const { stdout, stderr } = await config(await filledEnv(), ['--profile', 'demo']);
    expect(stderr).toBe('');
    expect(Object.keys(JSON.parse(stdout).services).sort()).toEqual(Object.keys(services).sort());
  });

  it('refuses to start without the secrets, and names the one that is missing', async () => {
    await expect(config(readFileSync(join(ROOT, '.env.example'), 'utf8'))).rejects.toThrow(
      /required variable \w+(PASSWORD|TOKEN) is missing/,
    );
  });
});
