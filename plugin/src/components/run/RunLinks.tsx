import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { Listed } from '../../api/FleetApi';
import { links } from '../../app/links';
import { PageLink } from '../PageLink';
import { SafeLink, safeHref } from '../SafeLink';

/** The ways from a run to everything that is about it: other systems, its chain, its workflow's others. */
export function RunLinks({ run }: { run: Listed<'run'> }) {
  const styles = useStyles2(getStyles);
  const { links: elsewhere, pullRequest, chainId, sprintIndex } = run;
  const outside: readonly (readonly [string, string | undefined])[] = [
    [run.source, elsewhere?.source],
    [t('run.links.trigger', 'Trigger.dev'), elsewhere?.trigger],
    [t('run.links.pr', 'Pull request'), pullRequest?.url],
    [t('run.links.sentry', 'Sentry'), elsewhere?.sentry],
    [t('run.links.trace', 'Trace'), elsewhere?.trace],
  ];
  const known = outside.filter(([, href]) => safeHref(href) !== undefined);
  return (
    <nav className={styles.links} aria-label={t('run.links.label', 'Links of this run')}>
      {chainId !== undefined && (
        <PageLink to={links.chain(run.source, chainId)}>
          {sprintIndex === undefined
            ? t('run.links.chain', 'Chain {{chainId}}', { chainId })
            : t('run.links.sprint', 'Sprint {{number}} of chain {{chainId}}', { number: sprintIndex + 1, chainId })}
        </PageLink>
      )}
      {known.map(([name, href]) => (
        <SafeLink key={name} href={href}>
          {name}
        </SafeLink>
      ))}
      {run.workflow !== undefined && (
        <PageLink to={links.runs({ source: run.source, workflow: run.workflow })}>
          {t('run.links.others', 'Other runs of this workflow')}
        </PageLink>
      )}
    </nav>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  links: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0.5, 2), overflowWrap: 'anywhere' }),
});
