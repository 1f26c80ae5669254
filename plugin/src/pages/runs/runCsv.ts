import type { Listed } from '../../api/FleetApi';
import type { JudgedQuality } from '../../components/ScoreBadge';
import { secondsBetween } from '../../format/formatValues';

type Run = Listed<'run'>;
type Cell = string | number | boolean | undefined;

const COLUMNS: readonly (readonly [name: string, of: (run: Run) => Cell])[] = [
  ['source', ({ source }) => source],
  ['run_id', ({ runId }) => runId],
  ['name', ({ name }) => name],
  ['status', ({ status }) => status],
  ['raw_status', ({ rawStatus }) => rawStatus],
  ['origin', ({ origin }) => origin],
  ['project', ({ project }) => project],
  ['workflow', ({ workflow }) => workflow],
  ['persona', ({ persona }) => persona],
  ['model', ({ model }) => model],
  ['created_at', ({ createdAt }) => createdAt],
  ['started_at', ({ startedAt }) => startedAt],
  ['finished_at', ({ finishedAt }) => finishedAt],
  [
    'duration_seconds',
    ({ startedAt, finishedAt }) => (finishedAt === undefined ? undefined : secondsBetween(startedAt, finishedAt)),
  ],
  ['pull_request_status', ({ pullRequest }) => pullRequest?.status],
  ['pull_request_url', ({ pullRequest }) => pullRequest?.url],
  ['ci_status', ({ ci }) => ci?.status],
  ['score', ({ quality }) => quality?.composite],
  ['score_threshold_met', ({ quality }) => quality?.thresholdMet],
  ['score_baseline', ({ quality }) => (quality as JudgedQuality | undefined)?.baseline],
  ['below_baseline', ({ quality }) => (quality as JudgedQuality | undefined)?.belowBaseline],
  ['cost_usd', ({ costUsd }) => costUsd],
  ['usage_missing', ({ usageMissing }) => usageMissing],
  ['input_tokens', ({ inputTokens }) => inputTokens],
  ['output_tokens', ({ outputTokens }) => outputTokens],
  ['error_category', ({ error }) => error?.category],
  ['error_message', ({ error }) => error?.message],
  ['prompt_preview', ({ promptPreview }) => promptPreview],
];

/** @returns a table for spreadsheets (RFC 4180): what is unknown is empty, and no text of a platform becomes a formula. */
export function runsToCsv(runs: readonly Run[]): string {
  const lines = [COLUMNS.map(([name]) => name), ...runs.map((run) => COLUMNS.map(([, of]) => of(run)))];
  // The mark tells spreadsheets that this is UTF-8.
  return `\uFEFF${lines.map((cells) => cells.map(writeCell).join(',')).join('\r\n')}\r\n`;
}

/** What a spreadsheet takes for a formula, also after blanks that it leaves out. */
const FORMULA = /^\s*[=+\-@]|^[\t\r\n]/;

function writeCell(cell: Cell): string {
  if (cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  return `"${(FORMULA.test(cell) ? `'${cell}` : cell).replaceAll('"', '""')}"`;
}
