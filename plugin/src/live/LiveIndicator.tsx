import { css } from '@emotion/css';
import type { GrafanaTheme2, IconName } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Icon, Tooltip, useStyles2 } from '@grafana/ui';
import type { LiveStatus } from './liveMessages';
import { useLiveStatus } from './useLive';

interface Look {
  readonly word: string;
  readonly icon: IconName;
  readonly tone: 'success' | 'warning' | 'secondary';
  readonly explanation: string;
}

function lookOf({ mode, ledger }: LiveStatus): Look | undefined {
  if (mode === 'idle') return undefined;
  if (mode === 'reconnecting' || mode === 'connecting') {
    return mode === 'connecting'
      ? {
          word: t('live.connecting', 'Connecting'),
          icon: 'sync',
          tone: 'secondary',
          explanation: t('live.connecting-what', 'What changes is shown as soon as the stream begins.'),
        }
      : {
          word: t('live.reconnecting', 'Reconnecting'),
          icon: 'exclamation-triangle',
          tone: 'warning',
          explanation: t(
            'live.reconnecting-what',
            'The exporter does not answer. What you see may be old; what changed meanwhile comes when it answers again.',
          ),
        };
  }
  if (ledger === 'down') {
    return {
      word: t('live.ledger-down', 'Ledger away'),
      icon: 'exclamation-triangle',
      tone: 'warning',
      explanation: t(
        'live.ledger-down-what',
        'The exporter cannot read its ledger. What changed meanwhile comes when it can.',
      ),
    };
  }
  return mode === 'live'
    ? {
        word: t('live.live', 'Live'),
        icon: 'signal',
        tone: 'success',
        explanation: t('live.live-what', 'Changes are shown as they happen.'),
      }
    : {
        word: t('live.polling', 'Every few seconds'),
        icon: 'clock-nine',
        tone: 'secondary',
        explanation: t(
          'live.polling-what',
          'There is no stream here (the page has a plain http address, or something on the way holds it back): changes are asked for every few seconds.',
        ),
      };
}

/** Whether what is shown is live; nothing where nothing on the page is followed. */
export function LiveIndicator() {
  const styles = useStyles2(getStyles);
  const look = lookOf(useLiveStatus());
  if (look === undefined) return null;
  const { word, icon, tone, explanation } = look;
  return (
    <Tooltip content={explanation}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a tooltip has to be reached by keyboard */}
      <span className={styles.indicator} tabIndex={0} role="status" data-testid="live-indicator">
        {/* Grafana's icon may keep the drawing that its last name had. */}
        <Icon key={icon} name={icon} size="sm" className={styles[tone]} aria-hidden />
        {word}
      </span>
    </Tooltip>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  indicator: css({
    display: 'inline-flex',
    alignItems: 'center',
    gap: theme.spacing(0.5),
    whiteSpace: 'nowrap',
    fontSize: theme.typography.bodySmall.fontSize,
    color: theme.colors.text.secondary,
    borderRadius: theme.shape.radius.default,
  }),
  success: css({ color: theme.colors.success.text }),
  warning: css({ color: theme.colors.warning.text }),
  secondary: css({ color: theme.colors.text.secondary }),
});
