import type { AppPluginMeta, PluginConfigPageProps } from '@grafana/data';
import { Trans } from '@grafana/i18n';
import { LinkButton } from '@grafana/ui';

export type AppConfigProps = PluginConfigPageProps<AppPluginMeta>;

export default function AppConfig(_props: AppConfigProps) {
  return (
    <LinkButton href="connections/datasources/new">
      <Trans i18nKey="config.add">Add a Fleetlens data source</Trans>
    </LinkButton>
  );
}
