import type { Config } from '../../config.ts';

/** Whose runs pushed metrics are of. */
export interface MetricsSource {
  readonly name: string;
  /** It is configured, so a poller reads it too. */
  readonly isPolled: boolean;
}

/**
 * The configured source of type gittinkerer; of several the one that `compatible.metrics_source` names, else the first that the token may
 * push for. With none configured, that setting.
 * @param allowed the sources that the token is bound to; undefined: all
 * @returns undefined where the token may push for none of them
 */
export function metricsSource(
  { sources, compatible }: Pick<Config, 'sources' | 'compatible'>,
  allowed: readonly string[] | undefined,
): MetricsSource | undefined {
  const mayPush = (name: string) => allowed === undefined || allowed.includes(name);
  const configured = sources.filter(({ type }) => type === 'gittinkerer').map(({ name }) => name);
  const named = compatible.metrics_source;
  const candidates = configured.length === 0 ? [named] : configured;
  const name = candidates.find((candidate) => candidate === named && mayPush(candidate)) ?? candidates.find(mayPush);
  return name === undefined ? undefined : { name, isPolled: sources.some((source) => source.name === name) };
}
