import { setTimeout as sleep } from 'node:timers/promises';
import type { RunAnswer } from '../contract/api.ts';
import type { RunRecord } from '../contract/records.ts';
import { isOpen, OPEN_STATUSES } from '../contract/status.ts';
import { ApiClient } from './apiClient.ts';
import { CliError } from './cliError.ts';
import { formatSeconds } from './formatFigures.ts';
import { printable } from './printable.ts';
import { printLine, tell } from './printOutput.ts';
import type { RunsOptions } from './runs.ts';
import { runParameters } from './runsList.ts';
import { runSeconds, runsTable } from './runsTable.ts';
import { paintStatus } from './statusColour.ts';

const INTERVAL_MS = 2_000;
/** More open runs than this cannot be followed on a screen. */
const MAX_FOLLOWED = 200;

type Address = { readonly source: string; readonly id: string };

const nameOf = ({ source, runId }: RunRecord) => `${source}/${runId}`;

export async function watchRunsCommand(addresses: readonly Address[], options: RunsOptions): Promise<void> {
  const api = await ApiClient.open(options);
  const followed = new Map<string, RunRecord>();
  const read = ({ source, id }: Address) =>
    api.get<RunAnswer>(`/api/v1/runs/${encodeURIComponent(source)}/${encodeURIComponent(id)}`);

  if (addresses.length > 0) {
    for (const run of await Promise.all(addresses.map(read))) followed.set(nameOf(run), run);
  } else {
    const parameters = { status: [...OPEN_STATUSES], ...withoutAbsent(runParameters(options)) };
    const { data } = await api.list<RunRecord>('/api/v1/runs', parameters, MAX_FOLLOWED);
    for (const run of data) followed.set(nameOf(run), run);
  }
  if (followed.size === 0) return tell('No open run matches.');

  const screen = process.stdout.isTTY ? new Screen() : undefined;
  if (screen === undefined) for (const run of followed.values()) await printChange(run);
  for (;;) {
    screen?.draw(runsTable([...followed.values()]));
    const open = [...followed.values()].filter((run) => isOpen(run.status));
    if (open.length === 0) break;
    await sleep(INTERVAL_MS);
    for (const before of open) {
      const run = await read({ source: before.source, id: before.runId as string });
      followed.set(nameOf(run), run);
      if (screen === undefined && run.status !== before.status) await printChange(run);
    }
  }
  const failed = [...followed.values()].filter(({ status }) => status === 'failed' || status === 'timed_out');
  if (failed.length > 0) throw new CliError(`${failed.length} of ${followed.size} runs failed`);
}

function withoutAbsent<T extends object>(parameters: T): T {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined)) as T;
}

async function printChange(run: RunRecord): Promise<void> {
  const seconds = runSeconds(run, Date.now());
  const took = seconds === undefined ? '' : ` after ${formatSeconds(seconds)}`;
  const error = run.error?.message === undefined ? '' : `: ${printable(run.error.message)}`;
  await printLine(`${new Date().toISOString()} ${printable(nameOf(run))} ${paintStatus(run.status)}${took}${error}`);
}

/** Draws over what it drew last. */
class Screen {
  #lines = 0;

  draw(text: string): void {
    const rows = process.stdout.rows ?? Number.POSITIVE_INFINITY;
    // The cursor cannot go up beyond the top of the screen.
    const lines = text.split('\n').slice(0, rows - 1);
    const up = this.#lines === 0 ? '' : `\u001b[${this.#lines}A`;
    process.stdout.write(`${up}\u001b[0J${lines.join('\n')}\n`);
    this.#lines = lines.length;
  }
}
