import type { ExecutingJob } from '@contract/api.ts';
import { t } from '@grafana/i18n';
import { links } from '../../app/links';
import { formatCount, formatDuration, formatUsd, secondsBetween } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { PageLink } from '../PageLink';
import { SafeLink } from '../SafeLink';
import { Facts } from './Facts';
import { JsonText } from './JsonText';
import { Moment } from './Moment';

const RESULTS: Readonly<Record<NonNullable<ExecutingJob['result']>, () => string>> = {
  complete: () => t('run.job.complete', 'Complete'),
  failed: () => t('run.job.failed', 'Failed'),
  retried: () => t('run.job.retried', 'To be tried again'),
};

const numberIn = (value: unknown) => (typeof value === 'number' ? value : undefined);
const textIn = (value: unknown) => (typeof value === 'string' ? value : undefined);

/** The job that executes a run: where it waits, how often it was tried, what it took. */
export function Execution({ job, triggerRunId }: { job: ExecutingJob | undefined; triggerRunId: string | undefined }) {
  if (job === undefined) {
    return (
      <p>
        {triggerRunId === undefined
          ? t('run.job.none', 'The source names no job that executes this run.')
          : t('run.job.unseen', 'Job {{id}}: no source of the exporter tells of it.', {
              id: triggerRunId,
              ...VERBATIM,
            })}
      </p>
    );
  }
  const { attributes = {} } = job;
  return (
    <>
      <Facts
        entries={[
          [
            t('run.job.id', 'Job'),
            <SafeLink key="id" href={textIn(attributes.link)}>
              {job.jobId ?? ''}
            </SafeLink>,
          ],
          [
            t('run.job.queue', 'Queue'),
            job.queue && (
              <PageLink key="queue" to={links.queues({ queue: job.queue })}>
                {job.queue}
              </PageLink>
            ),
          ],
          [t('run.job.position', 'Place in the queue'), job.queuePosition ?? null],
          [t('run.job.result', 'Result'), job.result && RESULTS[job.result]()],
          [t('run.job.tries', 'Tries'), formatCount(job.tries)],
          [t('run.job.enqueued', 'Enqueued'), <Moment key="enqueued" at={job.enqueuedAt} />],
          [
            t('run.job.waited', 'Waited'),
            formatDuration(
              job.startedAt === undefined && job.queuePosition === undefined
                ? undefined
                : secondsBetween(job.enqueuedAt, job.startedAt),
            ),
          ],
          [
            t('run.job.worked', 'Worked'),
            formatDuration(
              numberIn(attributes.durationSeconds) ??
                (job.finishedAt === undefined ? undefined : secondsBetween(job.startedAt, job.finishedAt)),
            ),
          ],
          [t('run.job.cost', 'Cost of the execution'), formatUsd(numberIn(attributes.costUsd))],
          [t('run.job.source', 'Source'), job.source],
        ]}
      />
      {Object.keys(attributes).length > 0 && (
        <JsonText value={attributes} label={t('run.job.attributes', 'What else is known of the job')} />
      )}
    </>
  );
}
