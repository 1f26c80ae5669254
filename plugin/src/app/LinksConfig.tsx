import type { AppPluginMeta } from '@grafana/data';
import { Trans, t } from '@grafana/i18n';
import { getBackendSrv } from '@grafana/runtime';
import { Alert, Button, Field, IconButton, Input, Stack } from '@grafana/ui';
import { useState } from 'react';
import { Section } from '../components/Section';
import { APP_ID } from '../constants';
import { VERBATIM } from '../format/verbatim';
import { type AppOptions, LINK_FIELDS, type LinkProblem, type LinkTemplate, linksIn, problemOf } from './linkTemplates';

/** Edits the links that the pages of runs show besides those that the platforms record. */
export function LinksConfig({ meta }: { meta: AppPluginMeta<AppOptions> }) {
  const [links, setLinks] = useState(() => linksIn(meta.jsonData));
  const [outcome, setOutcome] = useState<{ readonly error?: string }>();
  const change = (at: number, changes: Partial<LinkTemplate>) =>
    setLinks(links.map((link, index) => (index === at ? { ...link, ...changes } : link)));
  const save = async () => {
    const { enabled, pinned, jsonData } = meta;
    try {
      const settings = { enabled, pinned, jsonData: { ...jsonData, links } };
      await getBackendSrv().post(`/api/plugins/${APP_ID}/settings`, settings);
      setOutcome({});
    } catch (error) {
      const { data, message } = error as { data?: { message?: string }; message?: string };
      setOutcome({ error: data?.message ?? message ?? String(error) });
    }
  };
  return (
    <Section title={t('config.links', 'Links of runs')}>
      <p>
        {t(
          'config.links-what',
          'Each run gets these links besides those that its platform records. Everybody who uses the app can read them. Fields of the run stand in an address as {{fields}}; a run without one of them does not get the link.',
          { fields: LINK_FIELDS.map((field) => `{${field}}`).join(' '), ...VERBATIM },
        )}
      </p>
      {links.map((link, at) => {
        const problem = problemOf(link);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: two may be alike while they are typed.
          <Stack key={at} direction="row" wrap="wrap" alignItems="flex-start">
            <Field
              label={t('config.link-name', 'Name of link {{number}}', { number: at + 1 })}
              htmlFor={`fleetlens-link-name-${at}`}
              invalid={problem === 'name'}
              error={problem === 'name' && problemText(problem)}
            >
              <Input
                id={`fleetlens-link-name-${at}`}
                width={20}
                value={link.name}
                onChange={({ currentTarget }) => change(at, { name: currentTarget.value })}
              />
            </Field>
            <Field
              label={t('config.link-url', 'Address of link {{number}}', { number: at + 1 })}
              htmlFor={`fleetlens-link-url-${at}`}
              invalid={problem === 'address' || problem === 'field'}
              error={problem !== undefined && problem !== 'name' && problemText(problem)}
            >
              <Input
                id={`fleetlens-link-url-${at}`}
                width={60}
                value={link.url}
                placeholder={EXAMPLE}
                onChange={({ currentTarget }) => change(at, { url: currentTarget.value.trim() })}
              />
            </Field>
            <IconButton
              name="trash-alt"
              tooltip={t('config.link-remove', 'Remove link {{number}}', { number: at + 1 })}
              onClick={() => setLinks(links.filter((_, index) => index !== at))}
            />
          </Stack>
        );
      })}
      <Stack direction="row">
        <Button variant="secondary" icon="plus" onClick={() => setLinks([...links, { name: '', url: '' }])}>
          <Trans i18nKey="config.link-add">Add a link</Trans>
        </Button>
        <Button disabled={links.some((link) => problemOf(link) !== undefined)} onClick={() => void save()}>
          <Trans i18nKey="config.links-save">Save the links</Trans>
        </Button>
      </Stack>
      {outcome?.error !== undefined && <Alert severity="error" title={outcome.error} />}
      {outcome !== undefined && outcome.error === undefined && (
        <Alert
          severity="success"
          title={t('config.links-saved', 'Saved. Pages that are open show them when they are loaded again.')}
        />
      )}
    </Section>
  );
}

const EXAMPLE = 'https://sentry.example/issues/?query=run_id:{runId}';

function problemText(problem: LinkProblem): string {
  switch (problem) {
    case 'name':
      return t('config.link-no-name', 'Expected what the link says');
    case 'field':
      return t('config.link-field', 'Expected none but the fields above');
    case 'address':
      return t('config.link-address', 'Expected an address with https:// or http://');
  }
}
