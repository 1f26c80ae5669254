import type { RunAnswer } from '../contract/api.ts';
import { ERROR_CATEGORY_TABLE } from '../contract/errorCategories.ts';
import type { StepRecord } from '../contract/records.ts';
import { isOpen } from '../contract/status.ts';
import { ApiClient } from './apiClient.ts';
import type { ApiOptions } from './apiOptions.ts';
import { formatAgo, formatCount, formatSeconds, formatUsd, secondsFromTo } from './formatFigures.ts';
import { printable } from './printable.ts';
import { printJson, printLine } from './printOutput.ts';
import { type Column, renderTable } from './renderTable.ts';
import { runSeconds } from './runsTable.ts';
import { paint, paintStatus } from './statusColour.ts';

const BAR_WIDTH = 24;

export async function viewRunCommand(
  { source, id }: { readonly source: string; readonly id: string },
  options: ApiOptions & { readonly format: 'table' | 'json' },
): Promise<void> {
  const api = await ApiClient.open(options);
  const path = `/api/v1/runs/${encodeURIComponent(source)}/${encodeURIComponent(id)}`;
  const run = await api.get<RunAnswer>(path, { include: 'steps,usage' });
  if (options.format === 'json') await printJson(run);
  else await printLine(describeRun(run, Date.now()));
}

/** The page of a run as text. */
export function describeRun(run: RunAnswer, nowMs: number): string {
  const sections = [
    describeHead(run, nowMs),
    describeError(run),
    describeQuality(run),
    describeChecks(run),
    describeSteps(run, nowMs),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

/** `label  value` lines; those without a value are left out. */
function lines(pairs: readonly (readonly [string, string | undefined])[]): string {
  const filled = pairs.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...filled.map(([label]) => label.length));
  return filled.map(([label, value]) => `${paint('dim', label.padEnd(width))}  ${value}`).join('\n');
}

const clean = (value: string | undefined) => (value === undefined ? undefined : printable(value));

function describeHead(run: RunAnswer, nowMs: number): string {
  const seconds = runSeconds(run, nowMs);
  const raw = run.rawStatus !== undefined && run.rawStatus !== run.status ? ` (${printable(run.rawStatus)})` : '';
  const when = (at: string | undefined) => (at === undefined ? undefined : `${at} (${formatAgo(at, nowMs)})`);
  const pullRequest = run.pullRequest;
  const usageCost = run.usage?.reduce<number | undefined>(
    (sum, { costUsd }) => (costUsd === undefined ? sum : (sum ?? 0) + costUsd),
    undefined,
  );
  return [
    paint('bold', printable(`${run.source}/${run.runId}`)) + (run.name === undefined ? '' : `  ${printable(run.name)}`),
    lines([
      ['status', paintStatus(run.status) + raw],
      ['project', clean(run.project)],
      ['workflow', clean(run.workflow)],
      ['persona', clean(run.persona)],
      ['model', clean(run.model)],
      ['origin', clean([run.origin, run.trigger].filter((part) => part !== undefined).join(', '))],
      [
        'chain',
        run.chainId === undefined
          ? undefined
          : printable(`${run.source}/${run.chainId} sprint ${run.sprintIndex ?? '?'}`),
      ],
      ['created', when(run.createdAt)],
      ['started', when(run.startedAt)],
      ['finished', when(run.finishedAt)],
      [isOpen(run.status) ? 'so far' : 'took', seconds === undefined ? undefined : formatSeconds(seconds)],
      ['iterations', run.iterations === undefined ? undefined : String(run.iterations)],
      ['attempts', run.attempts === undefined || run.attempts < 2 ? undefined : String(run.attempts)],
      ['cost', formatUsd(usageCost ?? run.costUsd)],
      ['tokens', describeTokens(run)],
      [
        'pull request',
        pullRequest === undefined
          ? undefined
          : [paintStatus(pullRequest.status), clean(pullRequest.url), clean(pullRequest.error)]
              .filter((part) => part !== undefined && part !== '')
              .join('  '),
      ],
      ['commit', clean(run.commitSha)],
      ...Object.entries(run.links ?? {}).map(
        ([name, url]) => [name, typeof url === 'string' ? printable(url) : ''] as const,
      ),
      [
        'acknowledged',
        run.acknowledgedAt === undefined ? undefined : `${when(run.acknowledgedAt)} ${clean(run.acknowledgedBy) ?? ''}`,
      ],
    ]),
  ].join('\n');
}

function describeTokens({ inputTokens, outputTokens, usage = [] }: RunAnswer): string | undefined {
  const sum = (field: 'inputTokens' | 'outputTokens') =>
    usage.some((record) => record[field] !== undefined)
      ? usage.reduce((total, record) => total + (record[field] ?? 0), 0)
      : undefined;
  const input = sum('inputTokens') ?? inputTokens;
  const output = sum('outputTokens') ?? outputTokens;
  if (input === undefined && output === undefined) return undefined;
  return `${formatCount(input) || '?'} in, ${formatCount(output) || '?'} out`;
}

function describeError({ error }: RunAnswer): string {
  if (error === undefined) return '';
  const remedy = ERROR_CATEGORY_TABLE.find(({ category }) => category === error.category)?.remedy;
  return [
    paint('red', `Error${error.category === undefined ? '' : ` (${error.category})`}`),
    `  ${printable(error.message ?? 'the source gave no message')}`,
    ...(error.stepId === undefined ? [] : [`  in step ${printable(error.stepId)}`]),
    ...(remedy === undefined ? [] : [`  ${paint('bold', 'Remedy:')} ${remedy}`]),
  ].join('\n');
}

function describeQuality({ quality }: RunAnswer): string {
  if (quality === undefined) return '';
  const { composite, threshold } = quality;
  const met =
    quality.thresholdMet ?? (composite === undefined || threshold === undefined ? undefined : composite >= threshold);
  const verdict = met === undefined ? '' : met ? paint('green', ' met') : paint('red', ' missed');
  return [
    paint('bold', 'Quality'),
    lines([
      [
        '  composite',
        composite === undefined
          ? undefined
          : `${composite}${threshold === undefined ? '' : ` (threshold ${threshold}`}${threshold === undefined ? '' : `${verdict})`}`,
      ],
      ['  correctness', quality.correctness?.toString()],
      ['  type safety', quality.typeSafety?.toString()],
      ['  code style', quality.codeStyle?.toString()],
      ['  test coverage', quality.testCoverage?.toString()],
      ['  completeness', quality.completeness?.toString()],
    ]),
  ].join('\n');
}

function describeChecks({ ci }: RunAnswer): string {
  if (ci === undefined) return '';
  const checks = (ci.checks ?? []).map(
    ({ name, status, conclusion, url }) =>
      `  ${printable(name)}: ${printable(conclusion ?? status ?? 'unknown')}${url === undefined ? '' : `  ${paint('dim', printable(url))}`}`,
  );
  return [`${paint('bold', 'CI')} ${paintStatus(ci.status)}`, ...checks].join('\n');
}

function describeSteps(run: RunAnswer, nowMs: number): string {
  const steps = run.steps ?? [];
  if (steps.length === 0) return '';
  const now = new Date(nowMs).toISOString();
  const endOf = (step: StepRecord) => step.finishedAt ?? (isOpen(step.status) ? now : undefined);
  const starts = steps.flatMap(({ startedAt }) => (startedAt === undefined ? [] : [Date.parse(startedAt)]));
  const ends = steps.flatMap((step) => endOf(step) ?? []).map((at) => Date.parse(at));
  const fromMs = Math.min(...starts);
  const spanMs = Math.max(1, Math.max(...ends) - fromMs);
  const bar = (step: StepRecord) => {
    const end = endOf(step);
    if (step.startedAt === undefined || end === undefined) return '';
    const from = Math.min(BAR_WIDTH - 1, Math.floor(((Date.parse(step.startedAt) - fromMs) / spanMs) * BAR_WIDTH));
    const length = Math.max(1, Math.round(((Date.parse(end) - Date.parse(step.startedAt)) / spanMs) * BAR_WIDTH));
    return ' '.repeat(from) + '━'.repeat(Math.min(length, BAR_WIDTH - from));
  };
  const columns: Column<StepRecord>[] = [
    { head: '#', value: ({ index }) => (index === undefined ? '' : String(index)), align: 'right' },
    { head: 'STEP', value: (step) => printable(step.name ?? step.role ?? step.verb ?? step.stepId ?? ''), least: 12 },
    { head: 'ITERATION', value: ({ iteration }) => iteration?.toString() ?? '', align: 'right', optional: 6 },
    { head: 'TOOL', value: ({ tool }) => printable(tool ?? ''), least: 6, optional: 5 },
    { head: 'MODEL', value: ({ model }) => printable(model ?? ''), least: 10, optional: 4 },
    { head: 'STATUS', value: ({ status }) => paintStatus(status) },
    {
      head: 'TOOK',
      value: (step) => {
        const seconds = secondsFromTo(step.startedAt, endOf(step));
        return seconds === undefined ? '' : formatSeconds(seconds);
      },
      align: 'right',
    },
    { head: 'TIMELINE', value: bar, optional: 3 },
    { head: 'COST', value: ({ costUsd }) => formatUsd(costUsd), align: 'right', optional: 2 },
    { head: 'TOKENS', value: (step) => formatCount(tokensOf(step)), align: 'right', optional: 7 },
    { head: 'QUALITY', value: ({ quality }) => quality?.composite?.toFixed(0) ?? '', align: 'right', optional: 1 },
    { head: 'VERDICT', value: describeVerdict, least: 12, optional: 1 },
  ];
  return `${paint('bold', 'Steps')}\n${renderTable(steps, columns)}`;
}

function tokensOf({ inputTokens, outputTokens }: StepRecord): number | undefined {
  return inputTokens === undefined && outputTokens === undefined ? undefined : (inputTokens ?? 0) + (outputTokens ?? 0);
}

function describeVerdict({ verdict, error }: StepRecord): string {
  if (verdict?.passed !== undefined) {
    const word = verdict.passed ? paint('green', 'pass') : paint('red', 'fail');
    return verdict.feedback === undefined ? word : `${word} ${printable(verdict.feedback)}`;
  }
  return error?.message === undefined ? '' : printable(error.message);
}
