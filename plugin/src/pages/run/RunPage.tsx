import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { EmptyState } from '@grafana/ui';
import { RunView } from './RunView';
import { useRunPlace } from './useRunPlace';

/** `run?source=&id=`: one run. */
export default function RunPage() {
  const { source, id } = useRunPlace();
  if (source === undefined || id === undefined) {
    return (
      <PluginPage pageNav={{ text: t('run.title', 'Run') }}>
        <EmptyState
          variant="not-found"
          message={t('run.no-id', 'The address names no run: it needs its source and its id')}
        />
      </PluginPage>
    );
  }
  // What is known of one run must not be shown of another.
  return <RunView key={`${source}/${id}`} source={source} id={id} />;
}
