import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, Field, Icon, TextArea, useStyles2 } from '@grafana/ui';
import { type FormEvent, useId, useState } from 'react';
import type { Listed } from '../../api/FleetApi';
import { Failure } from '../QueryState';
import { Moment } from './Moment';

interface Props {
  readonly run: Listed<'run'>;
  /** Undefined: who reads may not. */
  readonly onAcknowledge: ((note: string) => void) | undefined;
  readonly isPending: boolean;
  /** Why it was refused. */
  readonly error: Error | null;
}

const LONGEST_NOTE = 4_000;

/** Who saw that a run failed and what they wrote; else the way to say so. */
export function AcknowledgeRun({ run, onAcknowledge, isPending, error }: Props) {
  const styles = useStyles2(getStyles);
  const [isOpen, setOpen] = useState(false);
  const [note, setNote] = useState('');
  const id = useId();
  if (run.acknowledgedAt !== undefined) {
    return (
      <div className={styles.done}>
        <Icon name="eye" aria-hidden />{' '}
        <Trans i18nKey="run.acknowledge.by" values={{ by: run.acknowledgedBy ?? '–' }}>
          {'Acknowledged by {{by}},'}
        </Trans>{' '}
        <Moment at={run.acknowledgedAt} />
        {run.acknowledgedNote !== undefined && <p className={styles.note}>{run.acknowledgedNote}</p>}
      </div>
    );
  }
  if (onAcknowledge === undefined) {
    return <p className={styles.note}>{t('run.acknowledge.nobody', 'Nobody has acknowledged this failure.')}</p>;
  }
  if (!isOpen) {
    return (
      <div>
        <Button size="sm" variant="secondary" icon="eye" onClick={() => setOpen(true)}>
          <Trans i18nKey="run.acknowledge.open">Acknowledge with a note</Trans>
        </Button>
      </div>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (note.trim() !== '') onAcknowledge(note.trim());
  };
  return (
    <form onSubmit={submit}>
      <Field label={t('run.acknowledge.note', 'What whoever comes next should know')} htmlFor={id}>
        <TextArea
          id={id}
          rows={3}
          maxLength={LONGEST_NOTE}
          value={note}
          autoFocus
          onChange={({ currentTarget }) => setNote(currentTarget.value)}
        />
      </Field>
      {error !== null && <Failure error={error} />}
      <div className={styles.buttons}>
        <Button type="submit" size="sm" disabled={note.trim() === '' || isPending}>
          <Trans i18nKey="run.acknowledge.submit">Acknowledge</Trans>
        </Button>
        <Button size="sm" variant="secondary" fill="text" onClick={() => setOpen(false)}>
          <Trans i18nKey="run.acknowledge.cancel">Cancel</Trans>
        </Button>
      </div>
    </form>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  done: css({ overflowWrap: 'anywhere' }),
  note: css({ margin: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', color: theme.colors.text.secondary }),
  buttons: css({ display: 'flex', gap: theme.spacing(1) }),
});
