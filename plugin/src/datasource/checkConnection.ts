import type { SourcesAnswer } from '@contract/overview.ts';
import type { TestDataSourceResponse } from '@grafana/data';
import { t } from '@grafana/i18n';
import { ApiFailure } from '../api/ApiFailure';
import type { FleetApi } from '../api/FleetApi';
import { VERBATIM } from '../format/verbatim';

/** "Save & test": reads as a panel would, and says what stands in the way and what to do. */
export async function checkConnection(api: FleetApi): Promise<TestDataSourceResponse> {
  try {
    const { data } = await api.get<SourcesAnswer>('/api/v1/sources');
    const stale = data.filter((source) => source.stale).map(({ source }) => source);
    const message =
      data.length === 0
        ? t('datasource.check.empty', 'The exporter answers. It has no source yet.')
        : t('datasource.check.ok', 'The exporter answers, with {{count}} sources', { count: data.length });
    if (stale.length === 0) return { status: 'success', message };
    const names = stale.join(', ');
    const details = t('datasource.check.stale', 'Stale: {{names}}. Look at /health of the exporter.', {
      names,
      ...VERBATIM,
    });
    return { status: 'success', message: `${message}. ${details}` };
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    return { status: 'error', message: `${error.message}. ${adviceFor(error)}` };
  }
}

function adviceFor({ kind }: ApiFailure): string {
  switch (kind) {
    case 'unauthenticated':
      return t(
        'datasource.check.unauthenticated',
        'Enter a token of role viewer that the exporter’s configuration has under tokens; where it requires an identity, Grafana has to forward X-Grafana-Id (feature idForwarding) and the exporter to know this Grafana under grafana.',
      );
    case 'forbidden':
      return t(
        'datasource.check.forbidden',
        'Give the token the role viewer, or this person a role under grafana.role_map.',
      );
    case 'not_found':
      return t('datasource.check.not-found', 'Something else than a Fleetlens exporter answers at this address.');
    default:
      return t(
        'datasource.check.unavailable',
        'Check that the address is right as seen from Grafana’s server and that the exporter’s /-/ready answers.',
      );
  }
}
