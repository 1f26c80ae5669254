import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { Button, ClipboardButton, IconButton, Input, Toggletip, useStyles2 } from '@grafana/ui';
import { type FormEvent, useState } from 'react';
import { links } from '../../app/links';
import { PageLink } from '../../components/PageLink';
import { VERBATIM } from '../../format/verbatim';
import { useSavedViews } from './useSavedViews';

interface Props {
  /** The filters and the sort of the present list, as the URL spells them. */
  readonly search: string;
}

/** Lists that the reader comes back to, and the address of the present one for somebody else. */
export function SavedViews({ search }: Props) {
  return (
    <Toggletip
      fitContent
      placement="bottom-end"
      title={t('runs.views.title', 'Saved views')}
      content={<Views search={search} />}
    >
      <Button variant="secondary" icon="bookmark">
        <Trans i18nKey="runs.views.button">Views</Trans>
      </Button>
    </Toggletip>
  );
}

function Views({ search }: Props) {
  const styles = useStyles2(getStyles);
  const { views, error, save, remove } = useSavedViews();
  const [name, setName] = useState('');
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === '') return;
    save({ name: name.trim(), search });
    setName('');
  };
  return (
    <div className={styles.views}>
      {views.length === 0 ? (
        <p className={styles.nothing}>
          <Trans i18nKey="runs.views.none">None yet: set filters and give them a name.</Trans>
        </p>
      ) : (
        <ul className={styles.list}>
          {views.map((view) => (
            <li key={view.name} className={styles.view}>
              <PageLink to={links.runs(Object.fromEntries(grouped(view.search)))}>{view.name}</PageLink>
              <IconButton
                name="trash-alt"
                size="sm"
                aria-label={t('runs.views.remove', 'Remove view {{name}}', { name: view.name, ...VERBATIM })}
                onClick={() => remove(view.name)}
              />
            </li>
          ))}
        </ul>
      )}
      <form className={styles.form} onSubmit={onSubmit}>
        <Input
          aria-label={t('runs.views.name', 'Name of the view')}
          placeholder={t('runs.views.name', 'Name of the view')}
          value={name}
          maxLength={100}
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
        <Button type="submit" variant="secondary" disabled={name.trim() === ''}>
          <Trans i18nKey="runs.views.save">Save</Trans>
        </Button>
      </form>
      {error !== null && (
        <p role="alert" className={styles.nothing}>
          {t('runs.views.failed', 'Grafana did not keep it: {{reason}}', { reason: error.message, ...VERBATIM })}
        </p>
      )}
      <ClipboardButton variant="secondary" size="sm" icon="link" getText={() => window.location.href}>
        <Trans i18nKey="runs.views.copy">Copy link to this list</Trans>
      </ClipboardButton>
    </div>
  );
}

/** @returns each parameter with all of its values. */
function grouped(search: string): Map<string, string[]> {
  const parameters = new URLSearchParams(search);
  return new Map([...parameters.keys()].map((name) => [name, parameters.getAll(name)]));
}

const getStyles = (theme: GrafanaTheme2) => ({
  views: css({ display: 'grid', gap: theme.spacing(1), width: 280, maxWidth: '80vw' }),
  nothing: css({ margin: 0, color: theme.colors.text.secondary }),
  list: css({ listStyle: 'none', display: 'grid', gap: theme.spacing(0.5), maxHeight: 300, overflowY: 'auto' }),
  view: css({ display: 'flex', justifyContent: 'space-between', gap: theme.spacing(1), overflowWrap: 'anywhere' }),
  form: css({ display: 'flex', gap: theme.spacing(0.5) }),
});
