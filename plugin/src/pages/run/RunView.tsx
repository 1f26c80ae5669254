import { isOpen } from '@contract/status.ts';
import { css } from '@emotion/css';
import { dateTimeFormat, type GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { EmptyState, useStyles2 } from '@grafana/ui';
import { useCallback, useRef } from 'react';
import { ApiFailure } from '../../api/ApiFailure';
import { useMe } from '../../api/useMe';
import { links } from '../../app/links';
import { menuPage } from '../../app/pageNav';
import { useNow } from '../../app/useNow';
import { OutputViewer } from '../../components/output/OutputViewer';
import { PageLink } from '../../components/PageLink';
import { QueryState } from '../../components/QueryState';
import { RecordPage } from '../../components/RecordPage';
import { AcknowledgeRun } from '../../components/run/AcknowledgeRun';
import { causeOf, failingStepOf } from '../../components/run/causeOf';
import { RunHeader } from '../../components/run/RunHeader';
import { Timeline } from '../../components/run/Timeline';
import { VERBATIM } from '../../format/verbatim';
import { LiveIndicator } from '../../live/LiveIndicator';
import { RunSections } from './RunSections';
import { useAcknowledge, useRun, useRunLive, useStepBaselines, useSteps } from './runQueries';
import { useRunPlace } from './useRunPlace';

/** One run: its header first, then its timeline, then its output, then what else is known. Each part loads on its own. */
export function RunView({ source, id }: { source: string; id: string }) {
  const styles = useStyles2(getStyles);
  const place = useRunPlace();
  const { change } = place;
  const run = useRun(source, id);
  const isRunOpen = isOpen(run.data?.status);
  const { query: stepsQuery, steps } = useSteps(source, id);
  useRunLive(source, id);
  const nowMs = useNow(isRunOpen);
  const baselineOf = useStepBaselines(source, id);
  const acknowledge = useAcknowledge(source, id);
  const { can } = useMe();
  const timeline = useRef<HTMLElement>(null);
  const output = useRef<HTMLElement>(null);

  const isWhole = stepsQuery.data !== undefined && !stepsQuery.hasNextPage;
  const failing = run.data && failingStepOf(run.data, steps, isWhole)?.stepId;
  const newest = steps.findLast(({ startedAt }) => startedAt !== undefined)?.stepId;
  const isFollowing = isRunOpen && place.follow;
  const selected = (isFollowing ? newest : undefined) ?? place.step ?? failing;
  const select = useCallback((step: string) => change({ step, follow: undefined }), [change]);
  const showInTimeline = useCallback(
    (step: string) => {
      select(step);
      timeline.current?.scrollIntoView?.({ block: 'start' });
    },
    [select],
  );
  const showOutput = useCallback(
    (step: string) => {
      select(step);
      output.current?.scrollIntoView?.({ block: 'start' });
    },
    [select],
  );

  const title = run.data?.name ?? id;
  const ofRuns = menuPage(t('runs.title', 'Runs'), links.runs());
  const pruned = run.error instanceof ApiFailure && run.error.kind === 'pruned' ? run.error : undefined;
  if (pruned !== undefined && run.data === undefined) {
    return (
      <RecordPage title={id} list={ofRuns}>
        <PrunedRun source={source} id={id} failure={pruned} />
      </RecordPage>
    );
  }
  return (
    <RecordPage title={title} list={ofRuns} actions={<LiveIndicator />}>
      <div className={styles.page}>
        <QueryState query={run}>
          {(data) => (
            <RunHeader
              run={data}
              cause={causeOf(data, steps, isWhole)}
              nowMs={nowMs}
              onShowStep={showInTimeline}
              acknowledgement={
                (data.status === 'failed' || data.status === 'timed_out') && (
                  <AcknowledgeRun
                    run={data}
                    onAcknowledge={can('acknowledge_run') ? acknowledge.mutate : undefined}
                    isPending={acknowledge.isPending}
                    error={acknowledge.error}
                  />
                )
              }
            />
          )}
        </QueryState>
        {run.data !== undefined && (
          <section ref={timeline} aria-labelledby="run-timeline">
            <h2 id="run-timeline" className={styles.title}>
              <Trans i18nKey="run.timeline.title">Timeline</Trans>
            </h2>
            <QueryState
              query={stepsQuery}
              isEmpty={() => steps.length === 0}
              empty={
                <EmptyState
                  variant="not-found"
                  message={
                    isRunOpen
                      ? t('run.timeline.not-yet', 'No step has begun yet')
                      : t('run.timeline.empty', 'The source has recorded no steps of this run')
                  }
                />
              }
            >
              {() =>
                run.data !== undefined && (
                  <Timeline
                    run={run.data}
                    steps={steps}
                    nowMs={nowMs}
                    isLoading={stepsQuery.hasNextPage}
                    baselineOf={baselineOf}
                    selected={selected}
                    failing={failing}
                    onSelect={select}
                    zoom={place.zoom}
                    onZoom={(zoom) => change({ zoom })}
                    following={isFollowing}
                    onFollow={
                      isRunOpen
                        ? (follow) => change({ follow: follow ? 'true' : undefined, step: selected })
                        : undefined
                    }
                    onShowOutput={showOutput}
                  />
                )
              }
            </QueryState>
          </section>
        )}
        {run.data !== undefined && (
          <section ref={output} aria-labelledby="run-output">
            <h2 id="run-output" className={styles.title}>
              <Trans i18nKey="run.output">Output</Trans>
            </h2>
            <OutputViewer
              source={source}
              runId={id}
              steps={steps}
              live={isRunOpen}
              selectedLine={place.line}
              onSelectLine={(line) => change({ line })}
              atStep={selected}
              search={place.search}
              onSearch={(q) => change({ q })}
              height="60vh"
            />
          </section>
        )}
        {run.data !== undefined && (
          <RunSections
            run={run.data}
            steps={steps}
            section={place.section}
            onSection={(section) => change({ section })}
            onShowStep={showInTimeline}
          />
        )}
      </div>
    </RecordPage>
  );
}

/** What is left of a run that retention removed: that it was, and since when it is gone. */
function PrunedRun({ source, id, failure }: { source: string; id: string; failure: ApiFailure }) {
  return (
    <EmptyState
      variant="completed"
      message={
        failure.prunedAt === undefined
          ? t('run.pruned', 'Retention removed this run')
          : t('run.pruned-at', 'Retention removed this run on {{at}}', {
              at: dateTimeFormat(failure.prunedAt),
              ...VERBATIM,
            })
      }
    >
      <p>{failure.message}</p>
      <p>
        <Trans i18nKey="run.pruned-source" values={{ source, id }}>
          {'Run {{id}} of {{source}}'}
        </Trans>
      </p>
      <PageLink to={links.runs({ source })}>{t('run.pruned-others', 'Runs of this source')}</PageLink>
    </EmptyState>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'grid', gap: theme.spacing(3), gridTemplateColumns: 'minmax(0, 1fr)' }),
  title: css({ fontSize: theme.typography.h4.fontSize }),
});
