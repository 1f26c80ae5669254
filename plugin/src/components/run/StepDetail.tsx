import { categoryOf } from '@contract/errorCategories.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, useStyles2 } from '@grafana/ui';
import { formatCount, formatDuration, formatUsd } from '../../format/formatValues';
import { StatusBadge } from '../StatusBadge';
import { ErrorReport } from './ErrorReport';
import { Facts } from './Facts';
import { JsonText } from './JsonText';
import { Moment } from './Moment';
import type { Step } from './orderSteps';
import { QualityScores } from './QualityScores';
import type { StepBaseline } from './stepBaseline';
import { VerbatimText } from './VerbatimText';
import { VerdictBadge } from './VerdictBadge';

interface Props {
  readonly step: Step;
  readonly seconds: number | undefined;
  readonly baseline: StepBaseline | undefined;
  readonly onShowOutput: ((stepId: string) => void) | undefined;
}

/** All that is known of a step: what went wrong first. */
export function StepDetail({ step, seconds, baseline, onShowOutput }: Props) {
  const styles = useStyles2(getStyles);
  const { error, verdict, quality, attributes } = step;
  const category = error?.category ?? categoryOf(error?.message);
  return (
    <div className={styles.detail}>
      {error !== undefined && (
        <ErrorReport message={error.message} surface={error.surface ?? 'step'} category={category} />
      )}
      {verdict !== undefined && (
        <div>
          {verdict.passed !== undefined && <VerdictBadge passed={verdict.passed} />}
          {verdict.feedback !== undefined && (
            <VerbatimText text={verdict.feedback} label={t('run.step.feedback', 'Feedback')} isProse />
          )}
        </div>
      )}
      {quality !== undefined && <QualityScores quality={quality} />}
      <Facts
        entries={[
          [
            t('run.step.status', 'Status'),
            <StatusBadge key="status" status={step.status} rawStatus={step.rawStatus} />,
          ],
          [t('run.step.duration', 'Duration'), formatDuration(seconds)],
          [
            t('run.step.usual', 'Usually (p50, p95)'),
            baseline === undefined
              ? undefined
              : t('run.step.usual-value', '{{p50}}, {{p95}} of {{number}}', {
                  p50: formatDuration(baseline.p50Seconds),
                  p95: formatDuration(baseline.p95Seconds),
                  number: baseline.count,
                }),
          ],
          [t('run.step.started', 'Started'), <Moment key="started" at={step.startedAt} />],
          [t('run.step.finished', 'Finished'), <Moment key="finished" at={step.finishedAt} />],
          [t('run.step.tool', 'Tool'), step.tool],
          [t('run.step.model', 'Model'), step.model],
          [t('run.step.cost', 'Cost'), formatUsd(step.costUsd)],
          [
            t('run.step.tokens', 'Tokens in, out'),
            `${formatCount(step.inputTokens)}, ${formatCount(step.outputTokens)}`,
          ],
          [t('run.step.iteration', 'Iteration'), step.iteration ?? null],
          [t('run.step.attempt', 'Attempt'), step.attempt ?? null],
          [t('run.step.id', 'Step id'), step.stepId],
        ]}
      />
      {attributes !== undefined && Object.keys(attributes).length > 0 && (
        <JsonText value={attributes} label={t('run.step.attributes', 'What else the source recorded')} />
      )}
      {onShowOutput !== undefined && (
        <div>
          <Button size="sm" variant="secondary" icon="arrow-down" onClick={() => onShowOutput(step.stepId)}>
            <Trans i18nKey="run.step.output">Output of this step</Trans>
          </Button>
        </div>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  detail: css({ display: 'grid', gap: theme.spacing(1.5), gridTemplateColumns: 'minmax(0, 1fr)' }),
});
