import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';

/** Leads to a step in the timeline; its name may be long, and wraps. */
export function StepButton({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <button type="button" className={styles.button} onClick={onClick}>
      {children}
    </button>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  button: css({
    border: 0,
    padding: 0,
    background: 'none',
    textAlign: 'left',
    overflowWrap: 'anywhere',
    color: theme.colors.text.link,
    '&:hover': { textDecoration: 'underline' },
  }),
});
