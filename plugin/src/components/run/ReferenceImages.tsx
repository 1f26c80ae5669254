import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { Button, useStyles2 } from '@grafana/ui';
import { useState } from 'react';
import { VERBATIM } from '../../format/verbatim';
import { SafeLink, safeHref } from '../SafeLink';

/** Images that a prompt refers to. Whoever wrote the record chose their hosts: none is asked before the reader says so. */
export function ReferenceImages({ images }: { images: readonly unknown[] }) {
  const styles = useStyles2(getStyles);
  return (
    <ul className={styles.list}>
      {images.map((image, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the list is as it was recorded
        <li key={i}>
          <ReferenceImage image={image} position={i + 1} />
        </li>
      ))}
    </ul>
  );
}

function ReferenceImage({ image, position }: { image: unknown; position: number }) {
  const styles = useStyles2(getStyles);
  const [isWanted, setWanted] = useState(false);
  const address = addressOf(image);
  const href = safeHref(address);
  const name = t('run.image.name', 'Reference image {{position}}', { position });
  if (href === undefined) return <span className={styles.address}>{address ?? JSON.stringify(image)}</span>;
  return (
    <>
      <span className={styles.address}>
        <SafeLink href={href}>{href}</SafeLink>
      </span>
      {isWanted ? (
        <img className={styles.image} src={href} alt={name} loading="lazy" referrerPolicy="no-referrer" />
      ) : (
        <Button size="sm" variant="secondary" icon="eye" onClick={() => setWanted(true)}>
          {t('run.image.load', 'Load from {{host}}', { host: new URL(href).host, ...VERBATIM })}
        </Button>
      )}
    </>
  );
}

/** Platforms record an address, or an object with one. */
function addressOf(image: unknown): string | undefined {
  if (typeof image === 'string') return image;
  if (typeof image !== 'object' || image === null) return undefined;
  for (const field of ['url', 'href', 'src'] as const) {
    const value = (image as Record<string, unknown>)[field];
    if (typeof value === 'string') return value;
  }
  return undefined;
}

const getStyles = (theme: GrafanaTheme2) => ({
  list: css({ listStyle: 'none', margin: 0, display: 'grid', gap: theme.spacing(1) }),
  address: css({ display: 'block', overflowWrap: 'anywhere' }),
  image: css({ display: 'block', maxWidth: '100%', maxHeight: 480, border: `1px solid ${theme.colors.border.weak}` }),
});
