import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import type { Listed } from '../../api/FleetApi';
import { Facts } from './Facts';
import { JsonText } from './JsonText';
import { Moment } from './Moment';
import { ReferenceImages } from './ReferenceImages';
import { VerbatimText } from './VerbatimText';

/** What a run was asked, with what settings, and whatever else its source recorded. */
export function RunConfiguration({ run }: { run: Listed<'run'> }) {
  const styles = useStyles2(getStyles);
  const prompt = run.prompt ?? run.promptPreview;
  const objects: [string, unknown][] = [
    [t('run.config.config', 'Configuration'), run.config],
    [t('run.config.metadata', 'Metadata'), run.metadata],
    [t('run.config.resources', 'Resources'), run.resourceBreakdown],
    [t('run.config.notes', 'Notes'), run.notes],
    [t('run.config.counts', 'Counts'), run.counts],
    [t('run.config.attributes', 'What else the source recorded'), run.attributes],
  ];
  return (
    <div className={styles.parts}>
      <Part
        title={
          run.prompt === undefined
            ? t('run.config.preview', 'Prompt (its beginning)')
            : t('run.config.prompt', 'Prompt')
        }
      >
        {prompt === undefined ? (
          t('run.config.no-prompt', 'The source recorded no prompt.')
        ) : (
          <VerbatimText text={prompt} label={t('run.config.prompt', 'Prompt')} isProse />
        )}
      </Part>
      {run.referenceImages !== undefined && run.referenceImages.length > 0 && (
        <Part title={t('run.config.images', 'Reference images')}>
          <ReferenceImages images={run.referenceImages} />
        </Part>
      )}
      <Part title={t('run.config.run', 'Run')}>
        <Facts
          entries={[
            [t('run.config.id', 'Run id'), run.runId],
            [t('run.config.source', 'Source'), run.source],
            [t('run.config.project', 'Project'), run.project],
            [t('run.config.workflow', 'Workflow'), run.workflow],
            [t('run.config.persona', 'Persona'), run.persona],
            [t('run.config.model', 'Model'), run.model],
            [t('run.config.provider', 'Provider'), run.provider],
            [t('run.config.origin', 'Origin'), run.origin],
            [t('run.config.trigger', 'Trigger'), run.trigger],
            [t('run.config.session', 'Issue session'), run.issueSessionId ?? null],
            [t('run.config.commit', 'Commit'), run.commitSha ?? null],
            [t('run.config.exit', 'Exit code'), run.exitCode ?? null],
            [t('run.config.started', 'Started'), <Moment key="started" at={run.startedAt} />],
          ]}
        />
      </Part>
      {objects.map(
        ([title, value]) =>
          isSomething(value) && (
            <Part key={title} title={title}>
              <JsonText value={value} label={title} />
            </Part>
          ),
      )}
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <div>
      <h3 className={styles.title}>{title}</h3>
      {children}
    </div>
  );
}

function isSomething(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

const getStyles = (theme: GrafanaTheme2) => ({
  parts: css({ display: 'grid', gap: theme.spacing(2), gridTemplateColumns: 'minmax(0, 1fr)' }),
  title: css({ fontSize: theme.typography.h5.fontSize, marginBottom: theme.spacing(0.5) }),
});
