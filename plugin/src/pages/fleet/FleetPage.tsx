import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { TimeRangeInput, useStyles2 } from '@grafana/ui';
import { useRef } from 'react';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { usePageParameters } from '../../app/usePageParameters';
import { usePageTime, windowOf } from '../../app/usePageTime';
import { FindBox } from '../../components/FindBox';
import { DimensionPicker } from '../../components/ScopeFilters';
import { LiveIndicator } from '../../live/LiveIndicator';
import { Attention } from './Attention';
import { Figures } from './Figures';
import { Sources } from './Sources';

/** What the exporter compares at most. */
const MOST_HOURS = 168;

/** The first page at 3 a.m.: what is wrong and where, then how the fleet does, then whether the sources can be believed. */
export default function FleetPage() {
  const styles = useStyles2(getStyles);
  const [parameters, change] = usePageParameters();
  const { time, range, change: changeTime } = usePageTime();
  const sourcesHeading = useRef<HTMLHeadingElement>(null);
  const sources = parameters.getAll('source');
  const projects = parameters.getAll('project');
  const { from, to } = windowOf(time);
  const hours = Math.round((Date.parse(to) - Date.parse(from)) / 3_600_000);
  return (
    <PluginPage
      pageNav={menuPage(t('fleet.title', 'Fleet'), links.fleet())}
      actions={
        <>
          <LiveIndicator />
          <FindBox />
        </>
      }
    >
      <div className={styles.page}>
        <section className={styles.filters} aria-label={t('fleet.filters', 'Window and filters')}>
          <div className={styles.time}>
            <TimeRangeInput value={range} hideTimeZone showIcon onChange={(chosen) => changeTime(chosen)} />
          </div>
          <DimensionPicker
            name="source"
            placeholder={t('fleet.filter.all-sources', 'All sources')}
            chosen={sources}
            onChange={(values) => change({ source: values })}
          />
          <DimensionPicker
            name="project"
            placeholder={t('fleet.filter.all-projects', 'All projects')}
            chosen={projects}
            onChange={(values) => change({ project: values })}
          />
        </section>
        <Attention
          {...{ sources, projects }}
          hours={Math.min(MOST_HOURS, Math.max(1, hours))}
          onShowSources={() => {
            sourcesHeading.current?.scrollIntoView({ block: 'start' });
            sourcesHeading.current?.focus();
          }}
        />
        <Figures {...{ time, sources, projects }} />
        <Sources headingRef={sourcesHeading} sources={sources} />
      </div>
    </PluginPage>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'grid', gridTemplateColumns: 'minmax(0, 1fr)', gap: theme.spacing(3) }),
  filters: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1) }),
  time: css({ minWidth: 220 }),
});
