import { css } from '@emotion/css';
import { Trans, t } from '@grafana/i18n';
import { Button, Input } from '@grafana/ui';
import { type FormEvent, useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router-dom';
import { links } from '../app/links';
import { withDataSource } from './PageLink';

/** Goes to a run by what one has in hand: its id, its pull request or what Trigger.dev calls it. */
export function FindBox({ asked = '' }: { asked?: string }) {
  const [text, setText] = useState(asked);
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const q = text.trim();
    if (q !== '') navigate(withDataSource(links.find({ q }), parameters.get('ds')));
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: React 18 does not know <search>
    <form role="search" className={form} onSubmit={onSubmit}>
      <Input
        aria-label={t('find.label', 'Run, pull request or Trigger.dev id')}
        placeholder={t('find.placeholder', 'Run, PR or Trigger.dev id')}
        value={text}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
      />
      <Button type="submit" variant="secondary" icon="search">
        <Trans i18nKey="find.go">Find</Trans>
      </Button>
    </form>
  );
}

/** Grafana's place for actions is as wide as they say, whatever they may be at most: on a phone that would be wider than the page. */
const form = css({ display: 'flex', gap: 4, minWidth: 0, width: 'min(340px, 100vw - 120px)' });
