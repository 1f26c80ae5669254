import { t } from '@grafana/i18n';
import { LoadingPlaceholder } from '@grafana/ui';
import type { Listed } from '../../api/FleetApi';

export interface OutputViewerProps {
  readonly source: string;
  /** Whose output: that of a run or of a sandbox, one of the two. */
  readonly runId?: string | undefined;
  readonly sandboxId?: string | undefined;
  /** Only the output of this step. */
  readonly stepId?: string | undefined;
  /** For their names, and to jump to one. */
  readonly steps?: readonly Listed<'step'>[] | undefined;
  /** Something may still be printed: it is followed. */
  readonly live: boolean;
  /** The line that is linked to (parameter `line` of the page's URL), as `onSelectLine` told it. */
  readonly selectedLine?: string | undefined;
  readonly onSelectLine?: ((line: string | undefined) => void) | undefined;
  /** Shows where this step begins, whenever it changes. */
  readonly atStep?: string | undefined;
  /** What is searched for (parameter `q` of the page's URL). */
  readonly search?: string | undefined;
  readonly onSearch?: ((text: string | undefined) => void) | undefined;
  /** CSS height. Default: most of the window. */
  readonly height?: string | undefined;
}

/** What a run or a sandbox printed: any number of lines, live while it goes on. */
export function OutputViewer(_props: OutputViewerProps) {
  return <LoadingPlaceholder text={t('state.loading', 'Loading…')} />;
}
