import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import { UNKNOWN } from '../../format/formatValues';

/** Names and values. What is not known is a dash; an entry that is `null` does not apply and is left out. */
export function Facts({ entries }: { entries: readonly (readonly [name: string, value: ReactNode | null])[] }) {
  const styles = useStyles2(getStyles);
  return (
    <dl className={styles.list}>
      {entries.map(
        ([name, value]) =>
          value !== null && (
            <div key={name}>
              <dt className={styles.name}>{name}</dt>
              <dd className={styles.value}>{value === undefined || value === '' ? UNKNOWN : value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  list: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(150px, 1fr))',
    gap: theme.spacing(1, 2),
    margin: 0,
  }),
  name: css({
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    fontWeight: theme.typography.fontWeightRegular,
    marginBottom: 0,
  }),
  value: css({ margin: 0, overflowWrap: 'anywhere', fontVariantNumeric: 'tabular-nums' }),
});
