import { css, cx } from '@emotion/css';
import type { GrafanaTheme2, IconName } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';

export type MarkTone = 'neutral' | 'info' | 'success' | 'warning' | 'error';

interface Props {
  readonly tone: MarkTone;
  /** What tells the tone without its colour, together with the words. */
  readonly icon?: IconName;
  /** Shown on hover. */
  readonly hint?: string | undefined;
  readonly children: ReactNode;
}

/** A word with an icon in its colour. */
export function Mark({ tone, icon, hint, children }: Props) {
  const styles = useStyles2(getStyles);
  return (
    <span className={styles.mark} title={hint}>
      {icon !== undefined && <Icon name={icon} size="sm" className={cx(styles.icon, styles[tone])} aria-hidden />}
      <span>{children}</span>
    </span>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  mark: css({ display: 'inline-flex', alignItems: 'flex-start', gap: theme.spacing(0.5) }),
  // In the middle of the first line.
  icon: css({ flexShrink: 0, marginTop: '0.25em' }),
  neutral: css({ color: theme.colors.text.secondary }),
  info: css({ color: theme.colors.info.text }),
  success: css({ color: theme.colors.success.text }),
  warning: css({ color: theme.colors.warning.text }),
  error: css({ color: theme.colors.error.text }),
});
