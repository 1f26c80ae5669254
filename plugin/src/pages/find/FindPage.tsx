import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { PluginPage } from '@grafana/runtime';
import { useStyles2 } from '@grafana/ui';
import { useSearchParams } from 'react-router-dom';
import { FindBox } from '../../components/FindBox';
import { FindByText } from './FindByText';
import { FindOldest } from './FindOldest';

/** Goes to what is meant: by a text that somebody has in hand, or from an alert, which knows no run but what is wrong with it. */
export default function FindPage() {
  const styles = useStyles2(getStyles);
  const [parameters] = useSearchParams();
  const q = parameters.get('q')?.trim() ?? '';
  const oldest = parameters.get('oldest')?.trim() ?? '';
  return (
    <PluginPage pageNav={{ text: t('find.title', 'Find') }}>
      <div className={styles.page}>
        <FindBox key={q} asked={q} />
        {oldest !== '' ? (
          <FindOldest state={oldest} parameters={parameters} />
        ) : q !== '' ? (
          <FindByText q={q} />
        ) : (
          <p className={styles.hint}>
            {t(
              'find.hint',
              'The id of a run, sandbox or chain, a pull request (its address, owner/repo#12 or #12), the id that Trigger.dev gave, or the beginning of a name.',
            )}
          </p>
        )}
      </div>
    </PluginPage>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  page: css({ display: 'grid', gap: theme.spacing(2), minWidth: 0 }),
  hint: css({ color: theme.colors.text.secondary }),
});
