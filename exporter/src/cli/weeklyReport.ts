import type {
  BudgetedSubject,
  BudgetReviewAnswer,
  FailuresAnswer,
  ReviewAnswer,
  ReviewedPersona,
  ReviewedSession,
} from '../contract/analytics.ts';
import { formatSeconds, formatUsd } from './formatFigures.ts';
import { printable } from './printable.ts';

export interface WeeklyFigures {
  readonly personas: ReviewAnswer;
  readonly budgets: BudgetReviewAnswer;
  readonly failures: FailuresAnswer;
  /** What the report is limited to; absent: everything that the reader may see. */
  readonly project?: readonly string[] | undefined;
  /** Address of the page of a run, with {source} and {id}. */
  readonly runLink?: string | undefined;
}

/** The weekly persona review and budget retrospective as Markdown. */
export function weeklyReport({ personas, budgets, failures, project, runLink }: WeeklyFigures): string {
  const { week, timeZone, from, to, asOf } = personas;
  const used = personas.data.filter((persona) => persona.runs > 0);
  const unused = personas.data.filter((persona) => persona.unused);
  const of = project === undefined ? '' : ` Projects: ${project.map(cell).join(', ')}.`;
  const sections = [
    `# Week ${week}`,
    `${from} to ${to} (${timeZone}); figures as of ${asOf}.${of}`,
    '## Persona review',
    used.length === 0
      ? 'No persona had a run that ended in this week.'
      : table(
          ['Persona', 'Runs', 'Success', 'First pass', 'Quality', 'Duration', 'Cost per success', 'Lost on failures'],
          used.map((persona) => [
            cell(persona.persona),
            String(persona.runs),
            percent(persona.successRate),
            percent(persona.firstPassRate),
            persona.averageQuality?.toFixed(1) ?? '',
            persona.averageDurationSeconds === undefined ? '' : formatSeconds(persona.averageDurationSeconds),
            formatUsd(persona.costPerSuccessfulRunUsd),
            persona.runsWithCost === 0 ? '' : formatUsd(persona.costOfFailuresUsd),
          ]),
          [1, 2, 3, 4, 5, 6, 7],
        ),
    ...used.flatMap((persona) => sampledSessions(persona, runLink)),
    '### To retire',
    unused.length === 0
      ? 'Every persona was used within 30 days.'
      : table(
          ['Persona', 'Last used', 'Where'],
          unused.map((persona) => [
            cell(persona.persona),
            persona.lastUsedAt?.slice(0, 10) ?? 'never',
            persona.uses.map((use) => cell([use.source, use.project].filter(Boolean).join(' '))).join(', '),
          ]),
        ),
    '## Failures',
    failures.data.length === 0
      ? 'No run failed or timed out.'
      : table(
          ['Category', 'Runs', 'Share', 'Lost', 'Remedy'],
          failures.data.map((failure) => [
            failure.category,
            String(failure.runs),
            percent(failure.share),
            formatUsd(failure.costUsd),
            cell(failure.remedy),
          ]),
          [1, 2, 3],
        ),
    '## Budget retrospective',
    `${budgets.from} to ${budgets.to} (${budgets.timeZone}).`,
    ...retrospective(budgets.data),
  ];
  return `${sections.join('\n\n')}\n`;
}

function sampledSessions({ persona, sessions }: ReviewedPersona, runLink: string | undefined): string[] {
  return [
    `### Sessions of ${cell(persona)}`,
    'Does the output still meet the bar?',
    table(
      ['', 'Run', 'Project', 'Outcome', 'Quality', 'Cost', 'Pull request'],
      sessions.map((session) => [
        '[ ]',
        runCell(session, runLink),
        cell(session.project ?? ''),
        session.errorCategory === undefined || session.status === 'succeeded'
          ? session.status
          : `${session.status}: ${session.errorCategory}`,
        session.quality?.toFixed(0) ?? '',
        formatUsd(session.costUsd),
        session.pullRequestUrl === undefined ? '' : link('open', session.pullRequestUrl),
      ]),
      [4, 5],
    ),
  ];
}

function runCell(session: ReviewedSession, runLink: string | undefined): string {
  const { source, runId, name } = session;
  const url =
    runLink?.replaceAll('{source}', encodeURIComponent(source)).replaceAll('{id}', encodeURIComponent(runId)) ??
    session.url;
  const label = name === undefined ? `${source}/${runId}` : `${name} (${source}/${runId})`;
  return url === undefined ? cell(label) : link(label, url);
}

const TITLES = {
  workspace_monthly: {
    title: 'Workspace',
    subject: 'Budget',
    windows: undefined,
    highest: 'Month so far',
    cap: 'Cap a month',
  },
  repo_daily: {
    title: 'Repositories',
    subject: 'Repository',
    windows: 'Days',
    highest: 'Dearest day',
    cap: 'Cap a day',
  },
  persona_run: { title: 'Personas', subject: 'Persona', windows: 'Runs', highest: 'Dearest run', cap: 'Cap a run' },
} as const;

function retrospective(data: readonly BudgetedSubject[]): string[] {
  return Object.entries(TITLES).flatMap(([scope, { title, subject, windows, highest, cap }]) => {
    const rows = data.filter((row) => row.scope === scope);
    if (rows.length === 0) return [];
    const counts = windows === undefined ? [] : [windows];
    return [
      `### ${title}`,
      table(
        [
          subject,
          'Spent in the week',
          ...counts,
          highest,
          cap,
          'Of the cap',
          ...(windows === undefined ? [] : ['Reached']),
        ],
        rows.map((row) => [
          row.subject === '' ? '(unknown)' : cell(row.subject),
          formatUsd(row.spentUsd),
          ...counts.map(() => String(row.windows)),
          formatUsd(row.highestUsd),
          row.capUsd === undefined ? 'none' : formatUsd(row.capUsd),
          row.capUsd === undefined || row.highestUsd === undefined ? '' : percent(row.highestUsd / row.capUsd),
          ...(windows === undefined ? [] : [row.reached === undefined ? '' : String(row.reached)]),
        ]),
        [1, 2, 3, 4, 5, 6],
      ),
    ];
  });
}

function percent(share: number | undefined): string {
  return share === undefined ? '' : `${(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)}%`;
}

/** Text of others as one line of a table, that Markdown shows as it stands. */
function cell(text: string): string {
  return printable(text)
    .replace(/[\\`*_[\]<>|~#]/g, '\\$&')
    .trim();
}

function link(label: string, url: string): string {
  // Only addresses of the web: a page of a platform is what its records say, and those are written by others.
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return cell(label);
  return `[${cell(label)}](<${new URL(url).href.replace(/[<>]/g, encodeURIComponent)}>)`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (right.includes(i) ? '---:' : '---'))), ...rows.map(line)].join('\n');
}
