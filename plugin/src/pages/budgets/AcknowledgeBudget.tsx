import type { ActionAnswer, ActionInput } from '@contract/actions.ts';
import type { BudgetAnswer } from '@contract/budgets.ts';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, Field, Input, TextArea, useStyles2 } from '@grafana/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { useFleetApi } from '../../api/FleetApiContext';
import { Failure } from '../../components/QueryState';
import { formatUsd } from '../../format/formatValues';
import { VERBATIM } from '../../format/verbatim';

const LONGEST_REASON = 4_000;
const MOST_USD = 1_000_000_000;

/** Ends the pause of a budget: why, and up to which limit. What was refused stays as it was written. */
export function AcknowledgeBudget({ budget }: { budget: BudgetAnswer }) {
  const styles = useStyles2(getStyles);
  const { api, uid } = useFleetApi();
  const client = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [reason, setReason] = useState('');
  const [limit, setLimit] = useState('');
  const id = useId();
  const acknowledge = useMutation({
    mutationFn: (input: ActionInput<'acknowledge_budget'>) =>
      api.act<ActionAnswer<'acknowledge_budget'>>('acknowledge_budget', input),
    onSettled: () => client.invalidateQueries({ queryKey: [uid, 'budgets'] }),
  });
  if (!isOpen) {
    return (
      <div>
        <Button size="sm" icon="play" onClick={() => setOpen(true)}>
          <Trans i18nKey="budgets.acknowledge.open">Acknowledge and resume</Trans>
        </Button>
      </div>
    );
  }
  const raiseToUsd = limit.trim() === '' ? undefined : Number(limit);
  const isTooLow = raiseToUsd !== undefined && !(raiseToUsd > budget.spentUsd && raiseToUsd <= MOST_USD);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim() === '' || isTooLow) return;
    acknowledge.mutate({
      budget: budget.budget,
      subject: budget.subject,
      reason: reason.trim(),
      ...(raiseToUsd === undefined ? {} : { raiseToUsd }),
    });
  };
  const isOfRun = budget.scope === 'persona_run';
  return (
    <form onSubmit={submit} className={styles.form}>
      <Field label={t('budgets.acknowledge.reason', 'Why sessions may start again')} htmlFor={`${id}-reason`}>
        <TextArea
          id={`${id}-reason`}
          rows={2}
          maxLength={LONGEST_REASON}
          value={reason}
          autoFocus
          onChange={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </Field>
      <Field
        label={t('budgets.acknowledge.raise', 'Raise the limit to (USD, optional)')}
        description={
          isOfRun
            ? t('budgets.acknowledge.raise-run', 'For the run that paused it. Without one it goes on without a limit.')
            : t(
                'budgets.acknowledge.raise-window',
                'For this window. Without one the rest of the window goes on without a limit.',
              )
        }
        htmlFor={`${id}-limit`}
        invalid={isTooLow}
        error={t('budgets.acknowledge.too-low', 'More than what is spent, {{spent}}', {
          spent: formatUsd(budget.spentUsd),
          ...VERBATIM,
        })}
      >
        <Input
          id={`${id}-limit`}
          type="number"
          min={0}
          step="any"
          width={20}
          prefix="$"
          value={limit}
          onChange={({ currentTarget }) => setLimit(currentTarget.value)}
        />
      </Field>
      {acknowledge.error !== null && <Failure error={acknowledge.error} />}
      <div className={styles.buttons}>
        <Button type="submit" size="sm" disabled={reason.trim() === '' || isTooLow || acknowledge.isPending}>
          <Trans i18nKey="budgets.acknowledge.submit">Resume</Trans>
        </Button>
        <Button size="sm" variant="secondary" fill="text" onClick={() => setOpen(false)}>
          <Trans i18nKey="budgets.acknowledge.cancel">Cancel</Trans>
        </Button>
      </div>
    </form>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  form: css({ maxWidth: 560 }),
  buttons: css({ display: 'flex', gap: theme.spacing(1) }),
});
