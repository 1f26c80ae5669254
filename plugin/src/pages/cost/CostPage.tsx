import type { FiguresOfGroup, SpendAnswer } from '@contract/analytics.ts';
import { ANALYTICS_DIMENSIONS, type AnalyticsDimension } from '@contract/dimensions.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { useStyles2 } from '@grafana/ui';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { useAnalytics } from '../../app/useAnalytics';
import { type Scope, useScope } from '../../app/useScope';
import { type FigureColumn, FigureTable } from '../../components/FigureTable';
import { GroupBy } from '../../components/GroupBy';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { dimensionLabel, ScopeFilters } from '../../components/ScopeFilters';
import { Section } from '../../components/Section';
import { TrendChart } from '../../components/TrendChart';
import { formatCount, formatScore, formatShare, formatUsd, UNKNOWN } from '../../format/formatValues';

/** `cost`: what was spent, on what, and what came of it. */
export default function CostPage() {
  const scope = useScope(ANALYTICS_DIMENSIONS);
  const by = ANALYTICS_DIMENSIONS.find((name) => name === scope.parameters.get('by')) ?? 'project';
  return (
    <PluginPage
      pageNav={menuPage(t('cost.title', 'Cost'), links.cost())}
      actions={<PageLink to={links.budgets()}>{t('cost.budgets', 'Budgets')}</PageLink>}
    >
      <ScopeFilters scope={scope} />
      <Section title={t('cost.what-came', 'What came of it')}>
        <Totals scope={scope} />
      </Section>
      <Section title={t('cost.over-time', 'Spent over time')}>
        <OverTime scope={scope} by={by} />
      </Section>
      <Section title={t('cost.where', 'Where it went')}>
        <GroupBy by={by} onChange={(value) => scope.change({ by: value })} />
        <Spend scope={scope} by={by} />
      </Section>
    </PluginPage>
  );
}

function Totals({ scope }: { scope: Scope }) {
  const styles = useStyles2(getStyles);
  const query = useAnalytics('runs', scope, []);
  const entries = (all: FiguresOfGroup | undefined): readonly (readonly [string, string])[] => [
    [t('cost.spent', 'Spent in the window'), formatUsd(all?.spentUsd)],
    [t('cost.of-runs', 'Cost of the runs that ended'), formatUsd(all?.costUsd)],
    [t('cost.known-of', 'Runs whose cost is known'), `${formatCount(all?.runsWithCost)} / ${formatCount(all?.runs)}`],
    [t('cost.per-run', 'Per run'), formatUsd(all?.costPerRunUsd)],
    [t('cost.per-success', 'Per successful run'), formatUsd(all?.costPerSuccessfulRunUsd)],
    [t('cost.per-merge', 'Per merged pull request'), formatUsd(all?.costPerMergedPullRequestUsd)],
    [t('cost.lost', 'Lost on failed runs'), formatUsd(all?.costOfFailuresUsd)],
    [t('cost.quality-per-usd', 'Quality per dollar'), formatScore(all?.qualityPerUsd)],
  ];
  return (
    <QueryState query={query}>
      {({ data: [all] }) => (
        <dl className={styles.totals}>
          {entries(all).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </QueryState>
  );
}

/** Only so many lines can be told apart; the rest is in the table. */
const MOST_SERIES = 6;

function OverTime({ scope, by }: { scope: Scope; by: AnalyticsDimension }) {
  const query = useAnalytics('timeseries', scope, [by]);
  return (
    <QueryState
      query={query}
      isEmpty={({ data }) => data.length === 0}
      empty={t('cost.empty', 'Nothing was spent in this window')}
    >
      {({ data }) => (
        <TrendChart
          title={t('cost.over-time', 'Spent over time')}
          kind="bar"
          height={220}
          format={formatUsd}
          series={data.slice(0, MOST_SERIES).map((group) => ({
            label: group[by] ?? UNKNOWN,
            points: group.points.map(({ from, spentUsd }) => ({ at: from, value: spentUsd })),
          }))}
        />
      )}
    </QueryState>
  );
}

type SpendOfGroup = SpendAnswer['data'][number];

function Spend({ scope, by }: { scope: Scope; by: AnalyticsDimension }) {
  const query = useAnalytics('spend', scope, [by]);
  const columns: readonly FigureColumn<SpendOfGroup>[] = [
    {
      id: 'name',
      header: dimensionLabel(by),
      sortBy: (group) => group[by],
      cell: (group) => {
        const value = group[by];
        return value === undefined ? (
          UNKNOWN
        ) : (
          <PageLink to={links.runs({ [by]: value, sort: 'cost' })}>{value}</PageLink>
        );
      },
    },
    {
      id: 'spent',
      header: t('cost.column.spent', 'Spent'),
      isFigure: true,
      sortBy: ({ spentUsd }) => spentUsd,
      cell: ({ spentUsd }) => formatUsd(spentUsd),
    },
    {
      id: 'share',
      header: t('cost.column.share', 'Share'),
      isFigure: true,
      sortBy: ({ share }) => share,
      cell: ({ share }) => formatShare(share),
    },
  ];
  return (
    <QueryState
      query={query}
      isEmpty={({ data }) => data.length === 0}
      empty={t('cost.empty', 'Nothing was spent in this window')}
    >
      {({ data }) => (
        <FigureTable
          caption={t('cost.where', 'Where it went')}
          rows={data}
          columns={columns}
          keyOf={(group) => group[by] ?? ''}
        />
      )}
    </QueryState>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  totals: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(170px, 1fr))',
    gap: theme.spacing(2),
    margin: 0,
    dt: { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular },
    dd: { margin: 0, fontSize: theme.typography.h4.fontSize, fontVariantNumeric: 'tabular-nums' },
  }),
});
