import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Config, SourceConfig } from '../config.ts';
import { SOURCE_TYPES } from './index.ts';
import type { Source, SourceType, WebhookReceiver } from './source.ts';

// Each type reads only what its own schema returned, so the list can forget which options belong to which.
const types: ReadonlyMap<string, SourceType<unknown>> = new Map(
  SOURCE_TYPES.map((type) => [type.type, type as unknown as SourceType<unknown>]),
);

/** What the configuration of each type looks like, by type. */
export const sourceSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  [...types].map(([name, { configSchema }]) => [name, configSchema]),
);

/** What reads the webhooks of the sources that take them, by their name. */
export function createWebhooks({ sources }: Pick<Config, 'sources'>, log: Logger): Map<string, WebhookReceiver> {
  const receivers = new Map<string, WebhookReceiver>();
  for (const entry of sources) {
    const receiver = typeOf(entry).webhook?.(entry.name, entry.options, log.child({ source: entry.name }));
    if (receiver !== undefined) receivers.set(entry.name, receiver);
  }
  return receivers;
}

/** Makes the source that an entry of the configuration describes; its type was checked when the file was read. */
export function createSource(entry: SourceConfig, log: Logger): Source {
  return typeOf(entry).create(entry.name, entry.options, log.child({ source: entry.name }));
}

function typeOf({ name, type: wanted }: SourceConfig): SourceType<unknown> {
  const type = types.get(wanted);
  if (type === undefined)
    throw new Error(`source ${name}: found type ${wanted}, expected one of ${[...types.keys()].join(', ')}`);
  return type;
}
