import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { AnsweredRun } from '../../api/FleetApi';
import { links } from '../../app/links';
import { templateLinks, useLinkTemplates } from '../../app/linkTemplates';
import { VERBATIM } from '../../format/verbatim';
import { PageLink } from '../PageLink';
import { SafeLink, safeHref } from '../SafeLink';

/** The ways from a run to everything that is about it: other systems, its chain, its workflow's others. */
export function RunLinks({ run }: { run: AnsweredRun }) {
  const styles = useStyles2(getStyles);
  const { links: elsewhere, pullRequest, chainId } = run;
  const outside: readonly (readonly [string, string | undefined])[] = [
    [run.source, elsewhere?.source],
    [t('run.links.trigger', 'Trigger.dev'), elsewhere?.trigger],
    [t('run.links.pr', 'Pull request'), pullRequest?.url],
    [t('run.links.sentry', 'Sentry'), elsewhere?.sentry],
    [t('run.links.trace', 'Trace'), elsewhere?.trace],
  ];
  const templates = useLinkTemplates();
  const known = outside.filter(([, href]) => safeHref(href) !== undefined);
  return (
    <nav className={styles.links} aria-label={t('run.links.label', 'Links of this run')}>
      {chainId !== undefined && <PageLink to={links.chain(run.source, chainId)}>{sprintLabel(run)}</PageLink>}
      {known.map(([name, href]) => (
        <SafeLink key={name} href={href}>
          {name}
        </SafeLink>
      ))}
      {templateLinks(run, templates).map(({ name, url }) => (
        <SafeLink key={`${name} ${url}`} href={url}>
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

/** `Sprint 2 of 5 in <chain>`, as far as it is known. */
function sprintLabel({ chain, chainId, sprintIndex }: AnsweredRun): string {
  const name = chain?.name ?? chainId;
  if (sprintIndex === undefined) return t('run.links.chain', 'Chain {{name}}', { name, ...VERBATIM });
  const number = sprintIndex + 1;
  const count = chain?.sprintCount;
  return count === undefined
    ? t('run.links.sprint', 'Sprint {{number}} in {{name}}', { number, name, ...VERBATIM })
    : t('run.links.sprint-of', 'Sprint {{number}} of {{total}} in {{name}}', {
        number,
        total: count,
        name,
        ...VERBATIM,
      });
}

const getStyles = (theme: GrafanaTheme2) => ({
  links: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0.5, 2), overflowWrap: 'anywhere' }),
});
