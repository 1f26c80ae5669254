import type { Logger } from 'pino';
import type { Source, SourceType } from '../source.ts';
import { type CodeCourierConfig, configSchema } from './config.ts';
import { ConvexSource } from './convex/convexSource.ts';
import { RestSource } from './rest/restSource.ts';

/** CodeCourier, by its REST API or by the tables of its Convex deployment; both ways give the same records. */
export const codecourier: SourceType<CodeCourierConfig> = {
  type: 'codecourier',
  configSchema,
  create: (_name: string, config: CodeCourierConfig, log: Logger): Source =>
    config.api === 'rest' ? new RestSource(config, log) : new ConvexSource(config, log),
};
