import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import { Link } from 'react-router-dom';

interface Props {
  /** A page of this app, from `links`. */
  readonly to: string;
  readonly children: ReactNode;
}

/** A link within the app. Grafana's own links decode their address, which would break ids that hold `&`, `#` or `%`. */
export function PageLink({ to, children }: Props) {
  const styles = useStyles2(getStyles);
  return (
    <Link to={to} className={styles.link}>
      {children}
    </Link>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  link: css({
    color: theme.colors.text.link,
    '&:hover': { color: theme.colors.text.link, textDecoration: 'underline' },
  }),
});
