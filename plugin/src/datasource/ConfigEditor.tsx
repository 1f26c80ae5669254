import type { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Alert, InlineField, Input, SecretInput } from '@grafana/ui';
import { isWebAddress } from '../format/webAddress';
import type { FleetSourceOptions, FleetSourceSecrets } from './types';

type Props = DataSourcePluginOptionsEditorProps<FleetSourceOptions, FleetSourceSecrets>;

/** Where the exporter is, and the token that Grafana's server shows it: it never comes back to the browser. */
export default function ConfigEditor({ options, onOptionsChange }: Props) {
  const { jsonData, secureJsonData, secureJsonFields } = options;
  const { url = '' } = jsonData;
  const isWrong = url !== '' && !isWebAddress(url);
  return (
    <>
      <InlineField
        label={t('datasource.config.url', 'URL')}
        labelWidth={14}
        invalid={isWrong}
        error={t('datasource.config.url-wrong', 'Expected an address such as http://exporter:9960')}
      >
        <Input
          id="fleetlens-url"
          width={50}
          placeholder="http://127.0.0.1:9960"
          value={url}
          onChange={({ currentTarget }) =>
            onOptionsChange({
              ...options,
              jsonData: { ...jsonData, url: currentTarget.value.trim().replace(/\/+$/, '') },
            })
          }
        />
      </InlineField>
      <InlineField
        label={t('datasource.config.token', 'Token')}
        labelWidth={14}
        tooltip={t(
          'datasource.config.token-what',
          'A token of role viewer from the exporter’s configuration. People act with their own role, not with that of the token.',
        )}
      >
        <SecretInput
          id="fleetlens-token"
          width={50}
          isConfigured={secureJsonFields?.token === true}
          value={secureJsonData?.token ?? ''}
          onChange={({ currentTarget }) =>
            onOptionsChange({ ...options, secureJsonData: { ...secureJsonData, token: currentTarget.value } })
          }
          onReset={() =>
            onOptionsChange({
              ...options,
              secureJsonFields: { ...secureJsonFields, token: false },
              secureJsonData: { ...secureJsonData, token: '' },
            })
          }
        />
      </InlineField>
      <Alert severity="info" title={t('datasource.config.alerts', 'Alert rules')}>
        <Trans i18nKey="datasource.config.alerts-why">
          Grafana’s own alert rules are evaluated on its server and cannot use this data source. Alerts come from the
          Prometheus rules over the exporter’s /metrics.
        </Trans>
      </Alert>
    </>
  );
}
