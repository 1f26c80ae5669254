import { remedyOf } from '@contract/errorCategories.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Icon, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import { VerbatimText } from './VerbatimText';
import { categoryLabel, surfaceLabel } from './words';

interface Props {
  readonly message: string | undefined;
  readonly surface: string | undefined;
  readonly category: Parameters<typeof categoryLabel>[0];
  readonly children?: ReactNode;
}

/** An error: its own words first, then what kind it is and what the platforms' documents advise. */
export function ErrorReport({ message, surface, category, children }: Props) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.report}>
      {message === undefined ? (
        <p className={styles.line}>
          <Trans i18nKey="run.error.no-message">The source recorded no message.</Trans>
        </p>
      ) : (
        <VerbatimText text={message} label={t('run.error.message', 'Error message')} />
      )}
      {children}
      <p className={styles.line}>
        <strong>{categoryLabel(category)}</strong>
        {surface !== undefined && <span className={styles.muted}> · {surfaceLabel(surface)}</span>}
      </p>
      {category !== 'other' && (
        <p className={styles.line}>
          <Icon name="info-circle" aria-hidden />{' '}
          <Trans i18nKey="run.error.remedy" values={{ remedy: remedyOf(category) }}>
            {'What helps: {{remedy}}'}
          </Trans>
        </p>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  report: css({ display: 'grid', gap: theme.spacing(0.5) }),
  line: css({ margin: 0 }),
  muted: css({ color: theme.colors.text.secondary }),
});
