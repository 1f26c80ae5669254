import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router-dom';

interface Props {
  /** A page of this app, from `links`. */
  readonly to: string;
  readonly children: ReactNode;
}

/**
 * A link within the app, which stays with the chosen data source. Grafana's own links decode their address, which would break ids
 * that hold `&`, `#` or `%`.
 */
export function PageLink({ to, children }: Props) {
  const styles = useStyles2(getStyles);
  const [parameters] = useSearchParams();
  return (
    <Link to={withDataSource(to, parameters.get('ds'))} className={styles.link}>
      {children}
    </Link>
  );
}

/** @returns the address with the data source that is chosen in the present one. */
export function withDataSource(to: string, uid: string | null): string {
  if (uid === null) return to;
  return `${to}${to.includes('?') ? '&' : '?'}${new URLSearchParams({ ds: uid })}`;
}

const getStyles = (theme: GrafanaTheme2) => ({
  link: css({
    color: theme.colors.text.link,
    '&:hover': { color: theme.colors.text.link, textDecoration: 'underline' },
  }),
});
