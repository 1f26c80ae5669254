import type { ProbeReport } from '../source.ts';
import { SourceError } from '../source.ts';
import type { E2bConfig } from './config.ts';
import type { CallContext, E2bApi } from './e2bApi.ts';
import { E2B_STATES, mapSandbox } from './mapSandbox.ts';

/** Looks at what the configuration assumes: that the key lists sandboxes, that their states are known, that metrics are there. */
export async function probeE2b(api: E2bApi, config: E2bConfig, signal: AbortSignal): Promise<ProbeReport> {
  const found: string[] = [];
  const problems: string[] = [];
  const context: CallContext = { signal, countRequest: () => {}, quotaRemaining: () => {} };
  let reachable = false;
  try {
    const { sandboxes, next, running } = await api.sandboxes(undefined, context);
    reachable = true;
    found.push(`${next === undefined ? sandboxes.length : `more than ${sandboxes.length}`} sandboxes`);
    if (running !== undefined) found.push(`${running} of them running`);
    const mapped = sandboxes.flatMap((raw) => mapSandbox(raw, config) ?? []);
    if (mapped.length < sandboxes.length) {
      problems.push(`${sandboxes.length - mapped.length} sandboxes without a sandboxID: they are not shown`);
    }
    const states = new Set(
      mapped.flatMap(({ state }) => (state === undefined || E2B_STATES.has(state) ? [] : [state])),
    );
    for (const state of states) problems.push(`found the state ${state}, which is not known; it is shown as unknown`);
    for (const [key, field] of [
      ['run_key', 'runId'],
      ['project_key', 'project'],
    ] as const) {
      if (mapped.length > 0 && mapped.every(({ data }) => data[field] === undefined)) {
        problems.push(
          `${key}: no sandbox has ${config[key]} in its metadata, so none has a ${field}; set ${key} to the key that has it`,
        );
      }
    }
    const first = mapped.find(({ state }) => state === 'running');
    if (first !== undefined && config.metrics === 'bulk') await api.metrics([first.id], context);
    if (first !== undefined && config.metrics === 'each') await api.metricsOf(first.id, context);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    reachable ||= error.result !== 'network';
    problems.push(error.message);
  }
  return { reachable, found, problems };
}
