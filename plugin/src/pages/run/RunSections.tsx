import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Tab, TabsBar, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import type { AnsweredRun } from '../../api/FleetApi';
import { links } from '../../app/links';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { Artifacts } from '../../components/run/Artifacts';
import { CiChecks } from '../../components/run/CiChecks';
import { Execution } from '../../components/run/Execution';
import type { Step } from '../../components/run/orderSteps';
import { QualityScores } from '../../components/run/QualityScores';
import { RunConfiguration } from '../../components/run/RunConfiguration';
import { RunSandboxes } from '../../components/run/RunSandboxes';
import { UsageTable } from '../../components/run/UsageTable';
import { useSandboxes, useSpent } from './runQueries';

const SECTIONS = ['execution', 'ci', 'quality', 'usage', 'artifacts', 'configuration'] as const;
type Section = (typeof SECTIONS)[number];

interface Props {
  readonly run: AnsweredRun;
  readonly steps: readonly Step[];
  /** As the address says. */
  readonly section: string | undefined;
  readonly onSection: (section: string) => void;
  readonly onShowStep: (stepId: string) => void;
}

/** What else is known of a run, a section at a time; each asks for what it needs when it is opened. */
export function RunSections({ run, steps, section, onSection, onShowStep }: Props) {
  const styles = useStyles2(getStyles);
  const open = SECTIONS.find((name) => name === section) ?? firstSectionOf(run);
  return (
    <section aria-label={t('run.sections.label', 'Details')}>
      <TabsBar>
        {SECTIONS.map((name) => (
          <Tab
            key={name}
            label={sectionLabel(name)}
            active={name === open}
            counter={name === 'ci' ? run.ci?.checks?.length : name === 'artifacts' ? run.artifacts?.length : undefined}
            onChangeTab={(event) => {
              event.preventDefault();
              onSection(name);
            }}
          />
        ))}
      </TabsBar>
      <div role="tabpanel" aria-label={sectionLabel(open)} className={styles.content}>
        {contentOf(open, { run, steps, onShowStep })}
      </div>
    </section>
  );
}

/** What is wrong besides the failure itself comes first. */
function firstSectionOf({ ci, quality, pullRequest }: AnsweredRun): Section {
  if (ci?.status === 'failing' || pullRequest?.status === 'blocked_on_ci') return 'ci';
  if (quality?.thresholdMet === false || quality?.belowBaseline === true) return 'quality';
  return 'execution';
}

function sectionLabel(section: Section): string {
  switch (section) {
    case 'execution':
      return t('run.sections.execution', 'Execution');
    case 'ci':
      return t('run.sections.ci', 'CI checks');
    case 'quality':
      return t('run.sections.quality', 'Quality');
    case 'usage':
      return t('run.sections.usage', 'Usage');
    case 'artifacts':
      return t('run.sections.artifacts', 'Artifacts');
    case 'configuration':
      return t('run.sections.configuration', 'Configuration');
  }
}

function contentOf(
  section: Section,
  { run, steps, onShowStep }: Pick<Props, 'run' | 'steps' | 'onShowStep'>,
): ReactNode {
  switch (section) {
    case 'execution':
      return <ExecutionSection run={run} />;
    case 'ci':
      return run.ci === undefined ? (
        <p>{t('run.sections.no-ci', 'The source tells of no CI checks for this run.')}</p>
      ) : (
        <CiChecks ci={run.ci} />
      );
    case 'quality':
      return <QualitySection run={run} />;
    case 'usage':
      return <UsageSection run={run} steps={steps} onShowStep={onShowStep} />;
    case 'artifacts':
      return <Artifacts run={run} />;
    case 'configuration':
      return <RunConfiguration run={run} />;
  }
}

function QualitySection({ run }: { run: AnsweredRun }) {
  const { source, project, workflow } = run;
  return (
    <>
      {run.quality === undefined ? (
        <p>{t('run.sections.no-quality', 'No evaluator has scored this run.')}</p>
      ) : (
        <QualityScores quality={run.quality} />
      )}
      {workflow !== undefined && (
        <PageLink to={links.quality({ source, project, workflow })}>
          {t('run.sections.trend', 'Scores of this workflow over time')}
        </PageLink>
      )}
    </>
  );
}

function UsageSection({ run, steps, onShowStep }: Pick<Props, 'run' | 'steps' | 'onShowStep'>) {
  const query = useSpent(run.source, run.runId);
  return (
    <QueryState
      query={query}
      isEmpty={(spent) => spent.length === 0}
      empty={<p>{t('run.sections.no-usage', 'No usage was recorded for this run.')}</p>}
    >
      {(spent) => <UsageTable spent={spent} steps={steps} costUsd={run.costUsd} onShowStep={onShowStep} />}
    </QueryState>
  );
}

function ExecutionSection({ run }: { run: AnsweredRun }) {
  const styles = useStyles2(getStyles);
  const sandboxes = useSandboxes(run.source, run.runId, run.sandboxId);
  return (
    <div className={styles.parts}>
      <div>
        <h3 className={styles.title}>{t('run.sections.job', 'Job')}</h3>
        <Execution job={run.job} triggerRunId={run.triggerRunId} />
      </div>
      <div>
        <h3 className={styles.title}>{t('run.sections.sandboxes', 'Sandboxes')}</h3>
        <QueryState
          query={sandboxes}
          isEmpty={(data) => data.length === 0}
          empty={<p>{t('run.sections.no-sandbox', 'No source tells of a sandbox of this run.')}</p>}
        >
          {(data) => <RunSandboxes sandboxes={data} />}
        </QueryState>
      </div>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  content: css({ paddingTop: theme.spacing(2) }),
  parts: css({ display: 'grid', gap: theme.spacing(2), gridTemplateColumns: 'minmax(0, 1fr)' }),
  title: css({ fontSize: theme.typography.h5.fontSize, marginBottom: theme.spacing(0.5) }),
});
