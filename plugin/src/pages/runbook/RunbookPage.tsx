import { css } from '@emotion/css';
import { type GrafanaTheme2, locationUtil, renderMarkdown } from '@grafana/data';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { useStyles2 } from '@grafana/ui';
import { useEffect } from 'react';
import { useLocation } from 'react-router-dom';
import RUNBOOK from '../../../../docs/runbook.md';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { chaptersOf } from './chaptersOf';

const CHAPTERS = chaptersOf(RUNBOOK);

/** `runbook`: docs/runbook.md, where `runbook_url` of each alert leads. It asks neither exporter nor data source for anything. */
export default function RunbookPage() {
  const styles = useStyles2(getStyles);
  const { hash } = useLocation();
  useEffect(() => {
    if (hash !== '') document.getElementById(hash.slice(1))?.scrollIntoView();
  }, [hash]);
  const path = locationUtil.assureBaseUrl(links.runbook());
  return (
    <PluginPage pageNav={menuPage(t('runbook.title', 'Runbook'), links.runbook())}>
      {CHAPTERS.map(({ id, level, title, text }) => {
        const Heading = level === 2 ? 'h2' : 'h3';
        return (
          <section key={id} className={styles.chapter}>
            {title !== undefined && <Heading id={id}>{title}</Heading>}
            <div
              className="markdown-html"
              // biome-ignore lint/security/noDangerouslySetInnerHtml: a file of this project, which Grafana sanitises besides
              dangerouslySetInnerHTML={{ __html: renderMarkdown(text.replaceAll('](#', `](${path}#`)) }}
            />
          </section>
        );
      })}
    </PluginPage>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  chapter: css({
    maxWidth: theme.spacing(120),
    marginBottom: theme.spacing(2),
    overflowWrap: 'anywhere',
    // Commands are copied from it: they wrap where they are too long for a phone.
    '& pre': { whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' },
    '& code': { whiteSpace: 'pre-wrap' },
    // Within text a colour alone would not tell a link. Twice, to go before Grafana's own style of `markdown-html`.
    '&& a': { color: theme.colors.text.link, textDecoration: 'underline' },
  }),
});
