import { Trans, t } from '@grafana/i18n';
import { Button, Icon } from '@grafana/ui';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import type { FleetApi, Listed } from '../../api/FleetApi';
import { useFleetApi } from '../../api/FleetApiContext';
import { formatCount } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';
import { runsToCsv } from './runCsv';
import { type RunFilters, toApiParameters } from './runFilters';

const PAGE = 500;
const MOST_RUNS = 10_000;

/** The filtered list as a file, as far as {@link MOST_RUNS}. */
export function DownloadRuns({ filters }: { filters: RunFilters }) {
  const { api } = useFleetApi();
  const [read, setRead] = useState(0);
  const controller = useRef<AbortController | undefined>(undefined);
  const download = useMutation({
    mutationFn: async () => {
      controller.current = new AbortController();
      const { runs, isCut } = await readAll(api, filters, setRead, controller.current.signal);
      save(runsToCsv(runs), `runs-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.csv`);
      return isCut;
    },
  });
  return (
    <>
      {download.isPending ? (
        <Button variant="secondary" icon="times" onClick={() => controller.current?.abort()}>
          <Trans i18nKey="runs.download.stop" values={{ read: formatCount(read) }}>
            {'Stop download ({{read}} runs)'}
          </Trans>
        </Button>
      ) : (
        <Button variant="secondary" icon="download-alt" onClick={() => download.mutate()}>
          <Trans i18nKey="runs.download.csv">CSV</Trans>
        </Button>
      )}
      <span role="status">
        {download.data === true && (
          <>
            <Icon name="exclamation-triangle" aria-hidden />{' '}
            {t(
              'runs.download.cut',
              'The file holds the first {{most}} runs of this list: narrow the filters for the rest.',
              {
                most: formatCount(MOST_RUNS),
              },
            )}
          </>
        )}
        {download.error !== null && download.error.name !== 'AbortError' && (
          <>
            <Icon name="exclamation-circle" aria-hidden />{' '}
            {t('runs.download.failed', 'No file: {{reason}}', { reason: download.error.message, ...VERBATIM })}
          </>
        )}
      </span>
    </>
  );
}

async function readAll(api: FleetApi, filters: RunFilters, tell: (count: number) => void, signal: AbortSignal) {
  const runs: Listed<'run'>[] = [];
  const parameters = toApiParameters(filters);
  let cursor: string | undefined;
  tell(0);
  do {
    const page = await api.runs({ ...parameters, limit: PAGE, cursor }, { signal });
    runs.push(...page.data);
    tell(runs.length);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && runs.length < MOST_RUNS);
  return { runs: runs.slice(0, MOST_RUNS), isCut: cursor !== undefined };
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
