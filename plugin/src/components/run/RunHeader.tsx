import { ciStatusOf } from '@contract/ciStatus.ts';
import type { RecordOf } from '@contract/records.ts';
import { isOpen } from '@contract/status.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Icon, type IconName, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import type { AnsweredRun, Listed } from '../../api/FleetApi';
import { links } from '../../app/links';
import { formatCount, formatDuration, formatScore, formatUsd, secondsBetween } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { CiBadge } from '../CiBadge';
import { PageLink } from '../PageLink';
import { PullRequestBadge } from '../PullRequestBadge';
import { ScoreBadge } from '../ScoreBadge';
import { StatusBadge } from '../StatusBadge';
import type { Cause } from './causeOf';
import { ErrorReport } from './ErrorReport';
import { Facts } from './Facts';
import { Moment } from './Moment';
import { RunLinks } from './RunLinks';
import { StepButton } from './StepButton';

interface Props {
  readonly run: AnsweredRun;
  readonly cause: Cause | undefined;
  readonly nowMs: number;
  readonly onShowStep: (stepId: string) => void;
  /** Who acknowledged the failure, or the way to do it. */
  readonly acknowledgement?: ReactNode;
}

/** A run at a glance: its status, what failed and where, what it cost, its pull request and the checks of it. */
export function RunHeader({ run, cause, nowMs, onShowStep, acknowledgement }: Props) {
  const styles = useStyles2(getStyles);
  const notes = notesOn(run);
  return (
    <section className={styles.header} aria-label={t('run.header', 'Run at a glance')}>
      <div className={styles.line}>
        <span className={styles.status}>
          <StatusBadge status={run.status} rawStatus={run.rawStatus} />
        </span>
        <Provenance run={run} />
      </div>
      {cause !== undefined && (
        <div className={styles.problem}>
          <h2 className={styles.title}>
            <FailurePlace run={run} cause={cause} onShowStep={onShowStep} />
          </h2>
          <ErrorReport {...cause}>
            {cause.stepMessage !== undefined && (
              <>
                <p className={styles.text}>
                  <Trans i18nKey="run.error.of-step">The step itself says:</Trans>
                </p>
                <pre className={styles.pre}>{cause.stepMessage.slice(0, 2_000)}</pre>
              </>
            )}
          </ErrorReport>
          {acknowledgement}
        </div>
      )}
      <RunLinks run={run} />
      {notes.map(({ text, icon }) => (
        <p key={text} className={styles.note}>
          <Icon name={icon} aria-hidden /> {text}
        </p>
      ))}
      <Facts
        entries={[
          [t('run.fact.cost', 'Cost'), formatUsd(run.costUsd)],
          [t('run.fact.pr', 'Pull request'), <PullRequestBadge key="pr" pullRequest={run.pullRequest} />],
          [t('run.fact.ci', 'CI'), <Ci key="ci" run={run} />],
          [t('run.fact.quality', 'Quality'), <ScoreBadge key="quality" quality={run.quality} />],
          [t('run.fact.duration', 'Duration'), formatDuration(durationOfRun(run, nowMs))],
          [
            t('run.fact.wait', 'Queue wait'),
            formatDuration(
              run.startedAt === undefined && run.status !== 'queued'
                ? undefined
                : secondsBetween(run.createdAt, run.startedAt, nowMs),
            ),
          ],
          [t('run.fact.iterations', 'Iterations'), formatCount(run.iterations)],
          [t('run.fact.attempts', 'Attempts'), formatCount(run.attempts)],
          [t('run.fact.tokens', 'Tokens in, out'), `${formatCount(run.inputTokens)}, ${formatCount(run.outputTokens)}`],
          [t('run.fact.created', 'Created'), <Moment key="created" at={run.createdAt} />],
          [
            t('run.fact.finished', 'Finished'),
            isOpen(run.status) ? null : <Moment key="finished" at={run.finishedAt} />,
          ],
        ]}
      />
    </section>
  );
}

/** @returns undefined where the start is unknown, or the end of a run that is over. */
function durationOfRun(run: Listed<'run'>, nowMs: number): number | undefined {
  if (run.finishedAt === undefined && !isOpen(run.status)) return undefined;
  return secondsBetween(run.startedAt, run.finishedAt, nowMs);
}

function Provenance({ run }: { run: Listed<'run'> }) {
  const styles = useStyles2(getStyles);
  const { source, project, workflow, persona, model, origin, trigger } = run;
  return (
    <span className={styles.provenance}>
      {project !== undefined && <PageLink to={links.runs({ project })}>{project}</PageLink>}
      {workflow !== undefined && <PageLink to={links.runs({ workflow })}>{workflow}</PageLink>}
      {persona !== undefined && <span>{persona}</span>}
      {model !== undefined && <span>{model}</span>}
      {origin !== undefined && <span>{origin.replaceAll('_', ' ')}</span>}
      {trigger !== undefined && <span>{t('run.trigger', 'by {{trigger}}', { trigger, ...VERBATIM })}</span>}
      <span>{source}</span>
    </span>
  );
}

function FailurePlace({
  run,
  cause,
  onShowStep,
}: {
  run: Listed<'run'>;
  cause: Cause;
  onShowStep: Props['onShowStep'];
}) {
  const { step, stepId } = cause;
  const isTimeout = run.status === 'timed_out';
  if (stepId === undefined) {
    return (
      <>
        {isTimeout
          ? t('run.failed.timed-out', 'Timed out')
          : run.status === 'failed'
            ? t('run.failed.failed', 'Failed')
            : t('run.failed.error', 'An error was recorded')}
      </>
    );
  }
  const place = [
    step?.role,
    step?.name ?? stepId,
    step?.iteration === undefined ? undefined : t('run.failed.iteration', 'iteration {{n}}', { n: step.iteration }),
    step?.attempt === undefined || step.attempt < 2
      ? undefined
      : t('run.failed.attempt', 'attempt {{n}}', { n: step.attempt }),
  ].filter((part) => part !== undefined);
  return (
    <>
      {isTimeout ? t('run.failed.timed-out-in', 'Timed out in') : t('run.failed.failed-in', 'Failed in')}{' '}
      <StepButton onClick={() => onShowStep(stepId)}>{[...new Set(place)].join(' · ')}</StepButton>
    </>
  );
}

function Ci({ run: { ci } }: { run: Listed<'run'> }) {
  const failing = (ci?.checks ?? []).filter((check) => ciStatusOf([check]) === 'failing');
  return (
    <>
      <CiBadge status={ci?.status} />
      {failing.length > 0 && ` ${failing.map(({ name }) => name).join(', ')}`}
    </>
  );
}

/** What else is not as it should be, in words. */
function notesOn(run: AnsweredRun): { text: string; icon: IconName }[] {
  const { pullRequest, quality, status } = run;
  const notes: { text: string; icon: IconName }[] = [];
  if (status === 'unknown') {
    notes.push({
      icon: 'question-circle',
      text: t('run.note.lost', 'No event for 24 hours, or gone from its source: nobody knows how it ended.'),
    });
  }
  if (pullRequest?.error !== undefined) {
    notes.push({
      icon: 'times-circle',
      text: t('run.note.pr', 'Pull request: {{error}}', { error: pullRequest.error, ...VERBATIM }),
    });
  }
  if (pullRequest?.status === 'blocked_on_ci') {
    notes.push({
      icon: 'exclamation-triangle',
      text: t('run.note.blocked', 'The pull request cannot be merged until CI resolves.'),
    });
  }
  if (quality?.belowBaseline === true) {
    notes.push({
      icon: 'exclamation-triangle',
      text: t('run.note.baseline', 'Quality is {{points}} points below the baseline of the workflow.', {
        points: formatScore(Number(quality.belowBaselineBy)),
      }),
    });
  }
  const approvals: readonly (RecordOf<'approval'> & { overdue?: boolean })[] = run.approvals ?? [];
  for (const { approvalId, decidedAt, policy, overdue } of approvals) {
    if (decidedAt !== undefined) continue;
    notes.push({
      icon: 'hourglass',
      text:
        overdue === true
          ? t('run.note.overdue', 'Waits for an approval, longer than agreed: {{policy}}', {
              policy: policy ?? approvalId,
              ...VERBATIM,
            })
          : t('run.note.approval', 'Waits for an approval: {{policy}}', { policy: policy ?? approvalId, ...VERBATIM }),
    });
  }
  if (run.usageMissing === true) {
    notes.push({
      icon: 'info-circle',
      text: t('run.note.usage', 'The source has no usage of this run: its cost is unknown, not nothing.'),
    });
  }
  return notes;
}

const getStyles = (theme: GrafanaTheme2) => ({
  header: css({ display: 'grid', gap: theme.spacing(1.5), gridTemplateColumns: 'minmax(0, 1fr)' }),
  line: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(0.5, 2) }),
  status: css({ fontSize: theme.typography.h4.fontSize, fontWeight: theme.typography.fontWeightMedium }),
  provenance: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(0, 1.5),
    color: theme.colors.text.secondary,
    minWidth: 0,
    overflowWrap: 'anywhere',
  }),
  problem: css({
    display: 'grid',
    gap: theme.spacing(1),
    gridTemplateColumns: 'minmax(0, 1fr)',
    padding: theme.spacing(1.5),
    background: theme.colors.background.secondary,
    borderLeft: `4px solid ${theme.colors.error.border}`,
    borderRadius: theme.shape.radius.default,
  }),
  title: css({ margin: 0, fontSize: theme.typography.h4.fontSize }),
  text: css({ margin: 0 }),
  pre: css({ margin: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }),
  note: css({ margin: 0, overflowWrap: 'anywhere' }),
});
