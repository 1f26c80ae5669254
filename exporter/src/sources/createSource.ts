import type { Logger } from 'pino';
import type { z } from 'zod';
import type { SourceConfig } from '../config.ts';
import { SOURCE_TYPES } from './index.ts';
import type { Source, SourceType } from './source.ts';

// Each type reads only what its own schema returned, so the list can forget which options belong to which.
const types: ReadonlyMap<string, SourceType<unknown>> = new Map(
  SOURCE_TYPES.map((type) => [type.type, type as unknown as SourceType<unknown>]),
);

/** What the configuration of each type looks like, by type. */
export const sourceSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  [...types].map(([name, { configSchema }]) => [name, configSchema]),
);

/** Makes the source that an entry of the configuration describes; its type was checked when the file was read. */
export function createSource(entry: SourceConfig, log: Logger): Source {
  const type = types.get(entry.type);
  if (type === undefined)
    throw new Error(`source ${entry.name}: found type ${entry.type}, expected one of ${[...types.keys()].join(', ')}`);
  return type.create(entry.name, entry.options, log.child({ source: entry.name }));
}
