import type { Logger } from 'pino';
import type { ProbeReport, Source, SourceType } from '../source.ts';
import { configSchema, type PinoLogsConfig } from './config.ts';
import { followLogs } from './followLogs.ts';
import { pushedLines } from './pushedLines.ts';

const PUSHED =
  'lines are taken at POST /api/v1/webhooks/<name of this source>, as NDJSON with webhook_secret as bearer token';

/**
 * Logs of a service that pino (or a console) writes: its errors, refused requests, and failures of its stores. Files are
 * followed, and a log shipper can push lines.
 */
export const pinoLogs: SourceType<PinoLogsConfig> = {
  type: 'pino-logs',
  configSchema,
  create(_name: string, config: PinoLogsConfig, log: Logger): Source {
    const { path, webhook_secret: secret } = config;
    if (path === undefined) return onlyPushed;
    const followed = followLogs({ ...config, path }, log);
    if (secret === undefined) return followed;
    return {
      ...followed,
      async probe(signal: AbortSignal): Promise<ProbeReport> {
        const report = await followed.probe(signal);
        return { ...report, found: [...report.found, PUSHED] };
      },
    };
  },
  webhook: (_name, config) => pushedLines(config),
};

/** Nothing is asked of anybody. */
const onlyPushed: Source = {
  async *poll() {},
  probe: async () => ({ reachable: true, found: [PUSHED], problems: [] }),
  async close() {},
};
