import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, Tooltip, useStyles2, useTheme2 } from '@grafana/ui';
import { statusColor } from '../status/statusStyle';
import { type AnyStatus, STATUS_STYLES } from '../status/statusStyles';

interface Props {
  readonly status: AnyStatus | undefined;
  /** The source's own word: shown on hover and to screen readers. */
  readonly rawStatus?: string | undefined;
}

/** Colour, icon and word: a status is never told by colour alone. */
export function StatusBadge({ status = 'unknown', rawStatus }: Props) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const { label, icon } = STATUS_STYLES[status];
  const badge = (
    <span className={styles.badge}>
      <Icon name={icon} style={{ color: statusColor(theme, status) }} aria-hidden />
      {label}
    </span>
  );
  if (rawStatus === undefined || rawStatus.toLowerCase() === status) return badge;
  return (
    <Tooltip content={rawStatus}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a tooltip has to be reached by keyboard */}
      <span tabIndex={0} className={styles.focusable}>
        {badge}
      </span>
    </Tooltip>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  badge: css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    whiteSpace: 'nowrap',
    color: theme.colors.text.primary,
  }),
  focusable: css({ borderRadius: theme.shape.radius.default }),
});
