import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ComposeService, ROOT } from './composeFile.ts';

/** Where the services of docker-compose.yml listen, here. */
export type Ports = Readonly<Record<'exporter' | 'prometheus' | 'alertmanager' | 'grafana' | 'redis', number>>;

/** The ports inside the containers. */
export const USUAL_PORTS: Ports = { exporter: 9960, prometheus: 9090, alertmanager: 9093, grafana: 3000, redis: 6379 };

/** @returns the text with the host names of the containers, and the usual addresses on localhost, replaced by those of `ports`. */
export function withAddresses(text: string, ports: Ports): string {
  return Object.entries(USUAL_PORTS).reduce((changed, [service, usual]) => {
    const port = ports[service as keyof Ports];
    return (
      changed
        .replaceAll(new RegExp(`\\b${service}:${usual}\\b`, 'g'), `127.0.0.1:${port}`)
        // Of links that a browser follows: the name stays, since Grafana signs it.
        .replaceAll(new RegExp(`\\blocalhost:${usual}\\b`, 'g'), `localhost:${port}`)
    );
  }, text);
}

/**
 * Where the paths of a service's container are here: a folder of the project, copied with the addresses replaced, or a folder of the
 * stack's own for a volume.
 */
export class Places {
  readonly #directory: string;
  readonly #ports: Ports;

  constructor(directory: string, ports: Ports) {
    this.#directory = directory;
    this.#ports = ports;
  }

  /** Makes the folders that the service mounts. @returns what translates a text with its paths and addresses. */
  async of(service: ComposeService): Promise<(text: string) => string> {
    const mounts: [target: string, path: string][] = [];
    for (const volume of service.volumes ?? []) {
      const [source = '', target = ''] = volume.split(':');
      mounts.push([target, source.startsWith('.') ? await this.#copy(source, target) : await this.#own(source)]);
    }
    return (text) => {
      const local = withAddresses(text, this.#ports);
      const [target, path] = mounts.find(([mounted]) => new RegExp(`(^|=)${mounted}(/|$)`).test(local)) ?? [];
      return target === undefined || path === undefined ? local : local.replace(target, path);
    };
  }

  async #own(volume: string): Promise<string> {
    const path = join(this.#directory, volume);
    await mkdir(path, { recursive: true });
    return path;
  }

  /** Fresh at each start: the project's files are the definition. */
  async #copy(source: string, target: string): Promise<string> {
    const path = join(this.#directory, source);
    await rm(path, { recursive: true, force: true });
    await cp(join(ROOT, source), path, { recursive: true });
    for (const name of await readdir(path, { recursive: true })) {
      if (!/\.ya?ml$/.test(name)) continue;
      const file = join(path, name);
      const text = withAddresses(await readFile(file, 'utf8'), this.#ports);
      // A file may name others beside it.
      await writeFile(file, text.replaceAll(`${target}/`, `${path}/`));
    }
    return path;
  }
}
