import type { SpentBy } from '@contract/api.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import { useMemo } from 'react';
import { formatCount, formatUsd, UNKNOWN } from '../../format/formatValues';
import type { Step } from './orderSteps';
import { StepButton } from './StepButton';

interface Props {
  /** By step, service and model, dearest first. */
  readonly spent: readonly SpentBy[];
  /** For their names. */
  readonly steps: readonly Step[];
  /** What the run itself says that it cost. */
  readonly costUsd: number | undefined;
  readonly onShowStep: (stepId: string) => void;
}

/** What a run used, by step and model. */
export function UsageTable({ spent, steps, costUsd, onShowStep }: Props) {
  const styles = useStyles2(getStyles);
  const total = useMemo(() => totalOf(spent), [spent]);
  const names = useMemo(
    () =>
      new Map(steps.map((step) => [step.stepId, [step.role, step.name].filter(Boolean).join(' · ') || step.stepId])),
    [steps],
  );
  return (
    <div className={styles.frame}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t('run.usage.step', 'Step')}</th>
            <th scope="col">{t('run.usage.model', 'Model or service')}</th>
            <th scope="col">{t('run.usage.cost', 'Cost')}</th>
            <th scope="col">{t('run.usage.in', 'Tokens in')}</th>
            <th scope="col">{t('run.usage.out', 'Tokens out')}</th>
            <th scope="col">{t('run.usage.cached', 'Read from cache')}</th>
          </tr>
        </thead>
        <tbody>
          {spent.map(({ stepId, model, service, ...figures }) => (
            <tr key={JSON.stringify([stepId, model, service])}>
              <td>
                {stepId === undefined ? (
                  UNKNOWN
                ) : names.has(stepId) ? (
                  <StepButton onClick={() => onShowStep(stepId)}>{names.get(stepId)}</StepButton>
                ) : (
                  stepId
                )}
              </td>
              <td>{model ?? service ?? UNKNOWN}</td>
              <Figures {...figures} />
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={2}>
              {t('run.usage.total', 'All usage')}
            </th>
            <Figures {...total} />
          </tr>
          <tr>
            <th scope="row" colSpan={2}>
              {t('run.usage.run', 'The run itself')}
            </th>
            <td>{formatUsd(costUsd)}</td>
            <td colSpan={3} />
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function Figures({ costUsd, inputTokens, outputTokens, cacheReadTokens }: FigureSums) {
  return (
    <>
      <td>{formatUsd(costUsd)}</td>
      <td>{formatCount(inputTokens)}</td>
      <td>{formatCount(outputTokens)}</td>
      <td>{formatCount(cacheReadTokens)}</td>
    </>
  );
}

const FIGURES = ['costUsd', 'inputTokens', 'outputTokens', 'cacheReadTokens'] as const;
type FigureSums = { [F in (typeof FIGURES)[number]]?: number };

/** @returns the sums; one that no part tells is absent. */
function totalOf(spent: readonly SpentBy[]): FigureSums {
  const sums: FigureSums = {};
  for (const part of spent) {
    for (const figure of FIGURES) {
      const value = part[figure];
      if (value !== undefined) sums[figure] = (sums[figure] ?? 0) + value;
    }
  }
  return sums;
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ overflowX: 'auto' }),
  table: css({
    width: '100%',
    fontVariantNumeric: 'tabular-nums',
    'th, td': { padding: theme.spacing(0.5, 1), textAlign: 'right', whiteSpace: 'nowrap' },
    'th:first-of-type, td:first-of-type, tbody td:nth-of-type(2), thead th:nth-of-type(2)': { textAlign: 'left' },
    'thead th': { color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular },
    'tbody tr': { borderTop: `1px solid ${theme.colors.border.weak}` },
    'tfoot tr': { borderTop: `1px solid ${theme.colors.border.medium}` },
  }),
});
