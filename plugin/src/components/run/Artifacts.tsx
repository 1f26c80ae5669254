import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import type { Listed } from '../../api/FleetApi';
import { formatBytes, formatCount } from '../../format/formatValues';
import { SafeLink, safeHref } from '../SafeLink';
import { DiffView } from './DiffView';
import { Facts } from './Facts';

/** What a run left behind: what it changed, and its files. */
export function Artifacts({ run }: { run: Listed<'run'> }) {
  const styles = useStyles2(getStyles);
  const { artifacts = [], counts, diff, pullRequest } = run;
  const changed = changedFilesOf(run);
  const prDiff = safeHref(pullRequest?.url);
  return (
    <div className={styles.parts}>
      <Facts
        entries={[
          [t('run.artifacts.files', 'Files changed'), formatCount(counts?.filesChanged)],
          [t('run.artifacts.added', 'Lines added'), formatCount(counts?.linesAdded)],
          [t('run.artifacts.removed', 'Lines removed'), formatCount(counts?.linesRemoved)],
          [t('run.artifacts.commit', 'Commit'), run.commitSha],
        ]}
      />
      {diff !== undefined && <DiffView diff={diff} />}
      {diff === undefined && prDiff !== undefined && (
        <p className={styles.line}>
          {t('run.artifacts.no-diff', 'The source keeps no text of the changes; they are in the pull request:')}{' '}
          <SafeLink href={prDiff}>{t('run.artifacts.pr', 'Pull request')}</SafeLink>
        </p>
      )}
      {changed.length > 0 && (
        <div>
          <h3 className={styles.title}>{t('run.artifacts.changed', 'Changed files')}</h3>
          <ul className={styles.list}>
            {changed.map((file) => (
              <li key={file} className={styles.file}>
                {file}
              </li>
            ))}
          </ul>
        </div>
      )}
      <div>
        <h3 className={styles.title}>{t('run.artifacts.left', 'Artifacts')}</h3>
        {artifacts.length === 0 ? (
          t('run.artifacts.none', 'The source recorded none.')
        ) : (
          <ul className={styles.list}>
            {artifacts.map(({ name, path, bytes }) => (
              <li key={`${name} ${path}`} className={styles.file}>
                <SafeLink href={path}>{name}</SafeLink> <span className={styles.muted}>{formatBytes(bytes)}</span>
                {path !== undefined && path !== name && safeHref(path) === undefined && (
                  <span className={styles.muted}> {path}</span>
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

/** Names of changed files; sources record texts, or objects that name one. */
function changedFilesOf({ attributes }: Listed<'run'>): string[] {
  const files = attributes?.filesChanged;
  if (!Array.isArray(files)) return [];
  const names = files.map((file: unknown) => {
    if (typeof file === 'string') return file;
    const { path, filename } = (file ?? {}) as Record<string, unknown>;
    return [path, filename].find((name) => typeof name === 'string');
  });
  return [...new Set(names.filter((name) => name !== undefined))];
}

const getStyles = (theme: GrafanaTheme2) => ({
  parts: css({ display: 'grid', gap: theme.spacing(2), gridTemplateColumns: 'minmax(0, 1fr)' }),
  line: css({ margin: 0 }),
  title: css({ fontSize: theme.typography.h5.fontSize, marginBottom: theme.spacing(0.5) }),
  list: css({ listStyle: 'none', margin: 0 }),
  file: css({ fontFamily: theme.typography.fontFamilyMonospace, overflowWrap: 'anywhere' }),
  muted: css({ color: theme.colors.text.secondary }),
});
