import { HostedError } from '../hostedError.ts';
import { isObject } from '../rows/textValues.ts';
import type { ProbeReport } from '../source.ts';
import type { SentryConfig } from './config.ts';
import { readListedEvent } from './mapEvent.ts';
import type { CallContext, SentryApi } from './sentryApi.ts';

const DAY_MS = 86_400_000;

/** Tries each list that a poll reads, and tells which scope or access is missing. */
export async function probeSentry(api: SentryApi, config: SentryConfig, signal: AbortSignal): Promise<ProbeReport> {
  const found: string[] = [];
  const problems: string[] = [];
  let left: number | undefined;
  const context: CallContext = {
    signal,
    countRequest: () => {},
    quotaRemaining: (calls) => {
      left = calls;
    },
  };
  const nowMs = Date.now();
  const period = { from: new Date(nowMs - DAY_MS).toISOString(), until: new Date(nowMs).toISOString() };
  const ids: string[] = [];
  try {
    for (const slug of config.projects) {
      const project = await tried(problems, api.project(slug, context));
      if (project === undefined) continue;
      ids.push(project.id);
      const events = await tried(problems, api.events(slug, period, undefined, context));
      if (events === undefined) continue;
      const { items, next } = events;
      found.push(`project ${slug}: ${next === undefined ? '' : 'more than '}${items.length} errors in a day`);
      const errors = items.map((item) => readListedEvent(isObject(item) ? item : {}, slug).data);
      for (const [field, tag, lost] of [
        ['component', 'stage', 'shown without a component'],
        ['runId', 'run_id', 'tied to no run'],
      ] as const) {
        if (errors.length > 0 && errors.every((error) => error[field] === undefined)) {
          problems.push(
            `project ${slug}: no error has the tag ${tag}, so they are ${lost}; set it where they are captured`,
          );
        }
      }
    }
    if (ids.length > 0) {
      const issues = await tried(problems, api.issues(ids, period, undefined, context));
      if (issues !== undefined) {
        const { items, next } = issues;
        found.push(
          `${config.organization}: ${next === undefined ? '' : 'more than '}${items.length} issues with errors in a day`,
        );
      }
    }
  } catch (error) {
    if (!(error instanceof HostedError)) throw error;
    return { reachable: error.result !== 'network', found, problems: [...problems, error.message] };
  }
  if (left !== undefined) found.push(`${left} calls left in the window of the rate limit`);
  found.push(
    config.webhook_secret === undefined
      ? 'no webhook_secret: errors are seen by polls alone'
      : 'webhooks: POST /api/v1/webhooks/<name of this source>, resources issue and error, and alerts with the integration as action',
  );
  return { reachable: true, found, problems };
}

/** @returns undefined where this call is refused and others may work. @throws HostedError where none can. */
async function tried<T>(problems: string[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof HostedError) || error.stops) throw error;
    problems.push(error.message);
    return undefined;
  }
}
