import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { explainIssue } from '../../config/explainIssue.ts';
import { ConfigError, type ConfigProblem } from '../../config/problem.ts';
import { parseYamlFile } from '../../config/yamlFile.ts';
import { readTlsOptions } from './tlsOptions.ts';
import { type TlsConfig, type WebConfig, webConfigSchema } from './webConfigSchema.ts';

/** What is in force of a web configuration file. */
export interface WebConfigState {
  readonly users: Readonly<Record<string, string>>;
  /** Response headers; an empty value removes the header. */
  readonly headers: Readonly<Record<string, string>>;
  readonly rateLimit?: { readonly intervalMs: number; readonly burst: number };
  readonly tls?: { readonly options: SecureContextOptions; readonly policy: TlsConfig };
}

/**
 * A web configuration file that follows its file. {@link current} looks at the files' identity (about 3 µs each) and
 * reads again when one changed, as the exporter-toolkit does on each request and handshake. A change that cannot be used
 * (a certificate whose key is not there yet) leaves what was in force, and is reported once.
 */
export class WebConfigFile {
  readonly #path: string;
  readonly #onProblem: (error: Error) => void;
  #files: readonly string[];
  #seen: string;
  #state: WebConfigState;

  /**
   * @param onProblem called when a later change cannot be used.
   * @throws ConfigError where the file cannot be used now.
   */
  constructor(path: string, onProblem: (error: Error) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#files = [path];
    this.#seen = this.#identity();
    this.#state = this.#read();
    this.#seen = this.#identity();
  }

  current(): WebConfigState {
    const now = this.#identity();
    if (now === this.#seen) return this.#state;
    this.#seen = now;
    try {
      const fresh = this.#read();
      if ((fresh.tls === undefined) !== (this.#state.tls === undefined)) {
        throw new Error(`${this.#path}: TLS was switched ${fresh.tls ? 'on' : 'off'}; restart to apply it`);
      }
      this.#state = fresh;
      this.#seen = this.#identity();
    } catch (error) {
      this.#onProblem(error instanceof Error ? error : new Error(String(error)));
    }
    return this.#state;
  }

  #identity(): string {
    return this.#files
      .map((file) => {
        const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
        return stat === undefined ? 'missing' : `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
      })
      .join(' ');
  }

  #read(): WebConfigState {
    const config = readWebConfig(this.#path);
    const tls = config.tls_server_config;
    const files = [tls?.cert_file, tls?.key_file, tls?.client_ca_file].filter((file) => file !== undefined);
    // Also while the certificates are wrong: putting them right has to be noticed.
    this.#files = [this.#path, ...files];
    const { rate_limit: limit } = config;
    const state: WebConfigState = {
      users: config.basic_auth_users,
      headers: config.http_server_config.headers,
      ...(limit === undefined || limit.interval === 0
        ? {}
        : { rateLimit: { intervalMs: limit.interval, burst: limit.burst } }),
    };
    if (tls === undefined) return state;
    const { options, problem } = readTlsOptions(tls);
    if (problem !== undefined) throw new ConfigError(this.#path, [problem]);
    return { ...state, tls: { options, policy: tls } };
  }
}

/** Reads and checks a web configuration file. File names in it are relative to its directory and come out absolute. */
function readWebConfig(path: string): WebConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const message = `expected a web configuration file that can be read: ${error instanceof Error ? error.message : error}`;
    throw new ConfigError(path, [{ path: [], message }], { cause: error });
  }
  const yaml = parseYamlFile(text);
  if (yaml.problems.length > 0) throw new ConfigError(path, yaml.problems);
  const value = yaml.value ?? {};
  const result = webConfigSchema.safeParse(value);
  if (!result.success) {
    const problems = result.error.issues
      .flatMap((issue) => explainIssue(issue, webConfigSchema, value))
      .map(({ path: at, message }): ConfigProblem => {
        const line = yaml.lineOf(at);
        return line === undefined ? { path: at, message } : { path: at, line, message };
      });
    throw new ConfigError(path, problems);
  }
  const tls = result.data.tls_server_config;
  if (tls === undefined) return result.data;
  const absolute = { ...tls };
  for (const key of ['cert_file', 'key_file', 'client_ca_file'] as const) {
    const file = tls[key];
    if (file !== undefined) absolute[key] = resolve(dirname(path), file);
  }
  return { ...result.data, tls_server_config: absolute };
}
