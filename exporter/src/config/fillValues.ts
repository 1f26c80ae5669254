import { z } from 'zod';

/** Command line flags that stand for keys of the file. */
export interface ConfigFlags {
  /** `--web.listen-address`, each time it was given. */
  readonly listenAddresses?: readonly string[];
  /** `--web.config.file`, relative to the working directory. */
  readonly webConfigFile?: string;
  /** `--log.level` */
  readonly logLevel?: string;
}

/** @returns the value with what the flags say, and what the environment says where neither they nor the file say anything. */
export function withFlagsAndEnvironment(
  value: unknown,
  flags: ConfigFlags,
  env: Readonly<Record<string, string | undefined>>,
): unknown {
  const { listenAddresses = [], webConfigFile, logLevel } = flags;
  const flagged = [
    ['web', 'listen_address', listenAddresses.length === 0 ? undefined : listenAddresses],
    ['web', 'config_file', webConfigFile],
    ['log', 'level', logLevel],
  ] as const;
  const fills = [
    ['ledger', 'database_url', env.DATABASE_URL],
    ['log', 'level', env.LOG_LEVEL],
    ['log', 'requests', readFlag(env.LOG_REQUESTS)],
    ['log', 'health_requests', readFlag(env.LOG_HEALTH_REQUESTS)],
    ['rate_limit', 'max', readNumber(env.RATE_LIMIT_MAX)],
    // Seconds, as the platforms have it.
    ['rate_limit', 'window', env.RATE_LIMIT_WINDOW?.replace(/^\d+$/, '$&s')],
    ['rate_limit', 'redis_host', env.REDIS_HOST],
    ['rate_limit', 'redis_port', readNumber(env.REDIS_PORT)],
    ['rate_limit', 'redis_password', env.REDIS_PASSWORD],
  ] as const;
  const mapping = z.record(z.string(), z.unknown()).safeParse(value);
  if (!mapping.success) return value;
  const result = { ...mapping.data };
  for (const [index, [section, key, text]] of [...flagged, ...fills].entries()) {
    const current = z.record(z.string(), z.unknown()).safeParse(result[section] ?? {});
    if (text === undefined || text === '' || !current.success) continue;
    if (index >= flagged.length && current.data[key] !== undefined) continue;
    result[section] = { ...current.data, [key]: text };
  }
  return result;
}

function readFlag(text: string | undefined): boolean | string | undefined {
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : text;
}

function readNumber(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}
