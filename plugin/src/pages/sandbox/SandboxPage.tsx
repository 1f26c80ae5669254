import { SANDBOX_OPEN_STATUSES } from '@contract/status.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { Alert, EmptyState, useStyles2 } from '@grafana/ui';
import { useQuery } from '@tanstack/react-query';
import type { Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { usePageParameters } from '../../app/usePageParameters';
import { OutputViewer } from '../../components/output/OutputViewer';
import { PageLink } from '../../components/PageLink';
import { PullRequestBadge } from '../../components/PullRequestBadge';
import { QueryState } from '../../components/QueryState';
import { RecordPage } from '../../components/RecordPage';
import { Facts } from '../../components/run/Facts';
import { JsonText } from '../../components/run/JsonText';
import { Moment } from '../../components/run/Moment';
import { VerbatimText } from '../../components/run/VerbatimText';
import { StatusBadge } from '../../components/StatusBadge';
import { formatBytes, formatCount, formatDuration, formatShare } from '../../format/formatValues';
import { LiveIndicator } from '../../live/LiveIndicator';
import { useLiveRefetch } from '../../live/useLive';
import { lifeOf } from '../sandboxes/SandboxTable';

type Sandbox = Listed<'sandbox'>;

/** `sandbox?source=&id=`: one sandbox and its terminal. */
export default function SandboxPage() {
  const [parameters] = usePageParameters();
  const [source, id] = [parameters.get('source'), parameters.get('id')];
  if (!source || !id) {
    return (
      <PluginPage pageNav={{ text: t('sandbox.title', 'Sandbox') }}>
        <EmptyState
          variant="not-found"
          message={t('sandbox.no-id', 'The address names no sandbox: it needs its source and its id')}
        />
      </PluginPage>
    );
  }
  // What is known of one must not be shown of another.
  return <SandboxView key={`${source}/${id}`} source={source} id={id} />;
}

/** What is told nowhere is found again by asking. */
const POLL_MS = 60_000;

function SandboxView({ source, id }: { source: string; id: string }) {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const [parameters, change] = usePageParameters();
  const queryKey = [uid, 'sandbox', source, id];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      api.get<Sandbox>(`/api/v1/sandboxes/${encodeURIComponent(source)}/${encodeURIComponent(id)}`, {}, { signal }),
    refetchInterval: POLL_MS,
  });
  useLiveRefetch(['sandboxes'], queryKey);
  const isOpen = SANDBOX_OPEN_STATUSES.some((open) => open === query.data?.status);
  return (
    <RecordPage
      title={id}
      subTitle={source}
      list={menuPage(t('sandboxes.title', 'Sandboxes'), links.sandboxes())}
      actions={<LiveIndicator />}
    >
      <div className={styles.page}>
        <QueryState query={query}>{(sandbox) => <About sandbox={sandbox} />}</QueryState>
        {query.data !== undefined && (
          <section aria-labelledby="sandbox-terminal">
            <h2 id="sandbox-terminal" className={styles.title}>
              <Trans i18nKey="sandbox.terminal">Terminal</Trans>
            </h2>
            <OutputViewer
              source={source}
              sandboxId={id}
              live={isOpen}
              selectedLine={parameters.get('line') ?? undefined}
              onSelectLine={(line) => change({ line }, { replace: true })}
              search={parameters.get('q') ?? undefined}
              onSearch={(q) => change({ q }, { replace: true })}
            />
          </section>
        )}
      </div>
    </RecordPage>
  );
}

function About({ sandbox }: { sandbox: Sandbox }) {
  const styles = useStyles2(getStyles);
  const { status, rawStatus, project, origin, template, runId, source, pullRequest, error, config } = sandbox;
  return (
    <div className={styles.about}>
      {error?.message !== undefined && (
        <Alert severity="error" title={t('sandbox.error', 'The sandbox failed')}>
          <VerbatimText text={error.message} label={t('sandbox.error-message', 'Error of the sandbox')} />
        </Alert>
      )}
      {pullRequest?.error !== undefined && (
        <Alert severity="error" title={t('sandbox.pr-error', 'The pull request could not be created')}>
          <VerbatimText text={pullRequest.error} label={t('sandbox.pr-error-message', 'Error of the pull request')} />
        </Alert>
      )}
      {sandbox.learningExtractionError !== undefined && (
        <Alert severity="warning" title={t('sandbox.learning', 'Learnings could not be extracted')}>
          <VerbatimText
            text={sandbox.learningExtractionError}
            label={t('sandbox.learning-message', 'Error of the learning extraction')}
          />
        </Alert>
      )}
      <Facts
        entries={[
          [t('sandbox.status', 'Status'), <StatusBadge key="s" status={status} rawStatus={rawStatus} />],
          [t('sandbox.project', 'Project'), project],
          [t('sandbox.origin', 'Created by'), origin],
          [
            t('sandbox.run', 'Run'),
            runId === undefined ? undefined : (
              <PageLink key="r" to={links.run(source, runId)}>
                {runId}
              </PageLink>
            ),
          ],
          [t('sandbox.pull-request', 'Pull request'), <PullRequestBadge key="p" pullRequest={pullRequest} />],
          [t('sandbox.created', 'Created'), <Moment key="c" at={sandbox.createdAt} />],
          [t('sandbox.started', 'Started'), <Moment key="b" at={sandbox.startedAt} />],
          [t('sandbox.ended', 'Ended'), <Moment key="e" at={sandbox.endedAt} />],
          [t('sandbox.lived', 'Lived'), formatDuration(lifeOf(sandbox))],
          [t('sandbox.template', 'Template'), template],
          [t('sandbox.cpu', 'CPUs (used)'), `${formatCount(sandbox.cpuCount)} (${formatShare(sandbox.cpuUsedRatio)})`],
          [
            t('sandbox.memory', 'Memory (used)'),
            `${formatBytes(sandbox.memoryBytes)} (${formatBytes(sandbox.memoryUsedBytes)})`,
          ],
          [t('sandbox.disk', 'Disk'), formatBytes(sandbox.diskBytes)],
        ]}
      />
      {config !== undefined && (
        <details>
          <summary>
            <Trans i18nKey="sandbox.configuration">Configuration</Trans>
          </summary>
          <JsonText value={config} label={t('sandbox.configuration', 'Configuration')} />
        </details>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'grid', gap: theme.spacing(3), minWidth: 0, gridTemplateColumns: 'minmax(0, 1fr)' }),
  about: css({ display: 'grid', gap: theme.spacing(2), minWidth: 0, gridTemplateColumns: 'minmax(0, 1fr)' }),
  title: css({ fontSize: theme.typography.h4.fontSize }),
});
