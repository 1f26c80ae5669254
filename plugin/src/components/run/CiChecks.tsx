import { ciStatusOf } from '@contract/ciStatus.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { Listed } from '../../api/FleetApi';
import { UNKNOWN } from '../../format/formatValues';
import { CiBadge } from '../CiBadge';
import { Mark } from '../Mark';
import { SafeLink } from '../SafeLink';
import { TimeAgo } from '../TimeAgo';

export type Ci = NonNullable<Listed<'run'>['ci']>;
type Check = NonNullable<Ci['checks']>[number];

const ORDER = ['failing', 'pending', 'passing'];

/** What CI says of the pull request: each check with a link to it, those that fail first, and when that was looked up. */
export function CiChecks({ ci }: { ci: Ci }) {
  const styles = useStyles2(getStyles);
  const checks = [...(ci.checks ?? [])].sort((a, b) => ORDER.indexOf(toneOf(a)) - ORDER.indexOf(toneOf(b)));
  return (
    <div className={styles.checks}>
      <p className={styles.line}>
        <CiBadge status={ci.status} />{' '}
        <span className={styles.muted}>
          <Trans i18nKey="run.ci.looked">as of</Trans> <TimeAgo at={ci.checkedAt} />
        </span>
      </p>
      {checks.length === 0 ? (
        <p className={styles.line}>{t('run.ci.none', 'The source names no single checks.')}</p>
      ) : (
        <ul className={styles.list}>
          {checks.map((check, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two checks may have one name
            <li key={`${check.name} ${i}`} className={styles.check}>
              <CheckMark check={check} />
              <SafeLink href={check.url}>{check.name}</SafeLink>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function toneOf(check: Check): string {
  return ciStatusOf([check]) ?? 'pending';
}

/** The check's own word, with the tone that it has for CI as a whole. */
function CheckMark({ check }: { check: Check }) {
  const word = (check.conclusion ?? check.status)?.replaceAll('_', ' ') ?? UNKNOWN;
  const tone = toneOf(check);
  if (tone === 'failing')
    return (
      <Mark tone="error" icon="times-circle">
        {word}
      </Mark>
    );
  if (tone === 'passing')
    return (
      <Mark tone="success" icon="check-circle">
        {word}
      </Mark>
    );
  return (
    <Mark tone="neutral" icon="clock-nine">
      {word}
    </Mark>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  checks: css({ display: 'grid', gap: theme.spacing(1) }),
  line: css({ margin: 0 }),
  muted: css({ color: theme.colors.text.secondary }),
  list: css({ listStyle: 'none', margin: 0, display: 'grid', gap: theme.spacing(0.5) }),
  check: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0, 2), overflowWrap: 'anywhere' }),
});
