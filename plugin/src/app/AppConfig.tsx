import type { AppPluginMeta, DataSourceInstanceSettings, PluginConfigPageProps } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { getBackendSrv } from '@grafana/runtime';
import { Alert, Button, Field, Input, LinkButton } from '@grafana/ui';
import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiFailure } from '../api/ApiFailure';
import { FleetApi } from '../api/FleetApi';
import { fleetSources } from '../api/FleetApiContext';
import { createQueryClient } from '../api/queryClient';
import { type FigureColumn, FigureTable } from '../components/FigureTable';
import { Mark } from '../components/Mark';
import { Section } from '../components/Section';
import { DATA_SOURCE_ID } from '../constants';
import { VERBATIM } from '../format/verbatim';
import { isWebAddress } from '../format/webAddress';
import { LinksConfig } from './LinksConfig';
import type { AppOptions } from './linkTemplates';

export type AppConfigProps = PluginConfigPageProps<AppPluginMeta<AppOptions>>;

/** The app's configuration: each data source and what answers behind it, a new one with one click, and the links of runs. */
export default function AppConfig({ plugin }: AppConfigProps) {
  const [client] = useState(createQueryClient);
  const sources = fleetSources();
  return (
    <QueryClientProvider client={client}>
      {sources.map((settings) => (
        <Connection key={settings.uid} settings={settings} />
      ))}
      <NewSource isFirst={sources.length === 0} />
      <LinksConfig meta={plugin.meta} />
    </QueryClientProvider>
  );
}

interface Part {
  readonly name: string;
  readonly path: string;
  /** What is not working where it does not answer. */
  readonly without: string;
}

interface PartResult extends Part {
  readonly failure: Error | undefined;
}

function parts(): readonly Part[] {
  return [
    {
      name: t('config.part.runs', 'Records'),
      path: '/api/v1/runs?limit=1',
      without: t('config.part.runs-without', 'No page has anything to show.'),
    },
    {
      name: t('config.part.sources', 'Sources'),
      path: '/api/v1/sources',
      without: t('config.part.sources-without', 'Whether the sources can be believed stays unknown.'),
    },
    {
      name: t('config.part.analytics', 'Analytics'),
      path: '/api/v1/analytics/runs?limit=1',
      without: t('config.part.analytics-without', 'Workflows, cost and quality have no figures.'),
    },
    {
      name: t('config.part.live', 'Live changes'),
      path: '/api/v1/changes?topics=runs',
      without: t('config.part.live-without', 'Pages have to be loaded again to see what changed.'),
    },
    {
      name: t('config.part.inbox', 'Who asks'),
      path: '/api/v1/me',
      without: t('config.part.inbox-without', 'Nobody is known by name: no inbox and no actions.'),
    },
  ];
}

/** Asks each part of the exporter as the pages do. */
function Connection({ settings }: { settings: DataSourceInstanceSettings }) {
  const query = useQuery({
    queryKey: [settings.uid, 'connection'],
    queryFn: async ({ signal }) => {
      const api = new FleetApi(settings.url ?? '');
      return Promise.all(
        parts().map(async (part): Promise<PartResult> => {
          const failure = await api.get(part.path, {}, { signal }).then(
            () => undefined,
            (error: Error) => error,
          );
          return { ...part, failure };
        }),
      );
    },
    staleTime: 0,
    retry: false,
  });
  const columns: readonly FigureColumn<PartResult>[] = [
    { id: 'part', header: t('config.column.part', 'Part'), cell: ({ name }) => name },
    {
      id: 'result',
      header: t('config.column.result', 'Result'),
      cell: ({ failure }) =>
        failure === undefined ? (
          <Mark tone="success" icon="check">
            {t('config.answers', 'answers')}
          </Mark>
        ) : (
          <Mark tone="error" icon="times-circle">
            {failure instanceof ApiFailure ? `${failure.status}: ${failure.message}` : failure.message}
          </Mark>
        ),
    },
    {
      id: 'without',
      header: t('config.column.without', 'What it means'),
      cell: ({ failure, without }) => (failure === undefined ? null : without),
    },
  ];
  return (
    <Section title={settings.name}>
      {query.data !== undefined && (
        <FigureTable
          caption={t('config.connection', 'Connection of {{name}}', { name: settings.name, ...VERBATIM })}
          rows={query.data}
          columns={columns}
          keyOf={({ path }) => path}
        />
      )}
      <Button variant="secondary" icon="sync" disabled={query.isFetching} onClick={() => void query.refetch()}>
        <Trans i18nKey="config.test">Test the connection</Trans>
      </Button>{' '}
      <LinkButton variant="secondary" fill="text" href={`/connections/datasources/edit/${settings.uid}`}>
        <Trans i18nKey="config.edit">Settings of the data source</Trans>
      </LinkButton>
    </Section>
  );
}

/** Makes a data source through Grafana's own API: who may not is refused by it. */
function NewSource({ isFirst }: { isFirst: boolean }) {
  const [url, setUrl] = useState('http://127.0.0.1:9960');
  const [token, setToken] = useState('');
  const [outcome, setOutcome] = useState<{ readonly error?: string; readonly uid?: string }>();
  const create = async () => {
    try {
      const answer = await getBackendSrv().post('/api/datasources', {
        name: isFirst ? 'Fleetlens' : `Fleetlens ${new URL(url).host}`,
        type: DATA_SOURCE_ID,
        access: 'proxy',
        jsonData: { url: url.replace(/\/+$/, '') },
        ...(token === '' ? {} : { secureJsonData: { token } }),
      });
      setOutcome({ uid: answer.datasource.uid });
    } catch (error) {
      const { data, message } = error as { data?: { message?: string }; message?: string };
      setOutcome({ error: data?.message ?? message ?? String(error) });
    }
  };
  const isAddress = isWebAddress(url);
  return (
    <Section
      title={isFirst ? t('config.connect', 'Connect an exporter') : t('config.another', 'Connect another exporter')}
    >
      <Field
        label={t('config.url', 'Address of the exporter, as Grafana’s server reaches it')}
        invalid={!isAddress}
        error={t('config.url-wrong', 'Expected an address such as http://exporter:9960')}
      >
        <Input
          id="fleetlens-new-url"
          value={url}
          onChange={({ currentTarget }) => setUrl(currentTarget.value.trim())}
        />
      </Field>
      <Field label={t('config.token', 'Token of role viewer; not needed on loopback without tokens')}>
        <Input
          id="fleetlens-new-token"
          type="password"
          autoComplete="off"
          value={token}
          onChange={({ currentTarget }) => setToken(currentTarget.value)}
        />
      </Field>
      <Button disabled={!isAddress} onClick={() => void create()}>
        <Trans i18nKey="config.create">Create the data source</Trans>
      </Button>
      {outcome?.error !== undefined && <Alert severity="error" title={outcome.error} />}
      {outcome?.uid !== undefined && (
        <Alert severity="success" title={t('config.created', 'The data source is there')}>
          <LinkButton size="sm" href={`/connections/datasources/edit/${outcome.uid}`}>
            <Trans i18nKey="config.test-it">Test it</Trans>
          </LinkButton>
        </Alert>
      )}
    </Section>
  );
}
