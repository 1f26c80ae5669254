import type { DataFrame } from '@grafana/data';
import type { AnsweredRun, Listed } from '../../api/FleetApi';
import { safeHref } from '../../components/SafeLink';
import { secondsBetween } from '../../format/formatValues';
import { RUN_LINK, RUN_STATUS, SCORE, VALUE_LINK } from './columns';
import { type Column, flag, instant, number, tableFrame, text } from './tableFrame';

type Run = Listed<'run'>;
type Step = Listed<'step'>;

const ended = ({ startedAt, finishedAt, status }: Pick<Run, 'startedAt' | 'finishedAt' | 'status'>) =>
  finishedAt === undefined && status !== 'running' ? undefined : secondsBetween(startedAt, finishedAt);

const RUN_COLUMNS: readonly Column<Run>[] = [
  instant('created', ({ createdAt, startedAt }) => createdAt ?? startedAt),
  text('status', ({ status }) => status, RUN_STATUS),
  text('name', ({ name, runId }) => name ?? runId, RUN_LINK),
  text('project', ({ project }) => project),
  text('workflow', ({ workflow }) => workflow),
  text('persona', ({ persona }) => persona),
  text('model', ({ model }) => model),
  text('origin', ({ origin }) => origin),
  number('duration', 's', ended),
  number('cost', 'currencyUSD', ({ costUsd }) => costUsd),
  number('score', 'short', ({ quality }) => quality?.composite, SCORE),
  text('ci', ({ ci }) => ci?.status),
  text('pull request', ({ pullRequest }) => safeHref(pullRequest?.url), VALUE_LINK),
  text('pull request status', ({ pullRequest }) => pullRequest?.status),
  number('iterations', 'short', ({ iterations }) => iterations),
  text('error category', ({ error }) => error?.category),
  text('error', ({ error }) => error?.message),
  text('source', ({ source }) => source),
  text('run', ({ runId }) => runId, RUN_LINK),
  text('source status', ({ rawStatus }) => rawStatus),
];

export function runsFrame(refId: string, runs: readonly Run[]): DataFrame {
  return tableFrame(refId, 'Runs', runs, RUN_COLUMNS);
}

/** One run; panels of the app take the record from `meta.custom`. */
export function runFrame(refId: string, run: AnsweredRun): DataFrame {
  return tableFrame(refId, run.name ?? run.runId, [run], RUN_COLUMNS, { custom: { run } });
}

const STEP_COLUMNS: readonly Column<Step>[] = [
  number('order', 'none', ({ index }) => index),
  text('status', ({ status }) => status, RUN_STATUS),
  text('step', ({ name, verb, role, stepId }) => name ?? verb ?? role ?? stepId),
  text('role', ({ role }) => role),
  text('tool', ({ tool }) => tool),
  text('model', ({ model }) => model),
  number('iteration', 'none', ({ iteration }) => iteration),
  number('attempt', 'none', ({ attempt }) => attempt),
  instant('started', ({ startedAt }) => startedAt),
  number('duration', 's', ended),
  flag('passed', ({ verdict }) => verdict?.passed),
  text('feedback', ({ verdict }) => verdict?.feedback),
  number('score', 'short', ({ quality }) => quality?.composite, SCORE),
  number('cost', 'currencyUSD', ({ costUsd }) => costUsd),
  text('error', ({ error }) => error?.message),
  text('source', ({ source }) => source),
  text('run', ({ runId }) => runId, RUN_LINK),
  text('step id', ({ stepId }) => stepId),
  text('source status', ({ rawStatus }) => rawStatus),
];

export function stepsFrame(refId: string, steps: readonly Step[]): DataFrame {
  return tableFrame(refId, 'Steps', steps, STEP_COLUMNS);
}
