import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { GrafanaConfig } from '../../config/grafanaSchema.ts';
import { askGrafana, GrafanaUnavailable } from './askGrafana.ts';
import { readCa } from './readCa.ts';

/** The algorithm of Grafana's identities. No other is accepted, so that no key is taken for a secret and none is left out. */
export const ALGORITHM = 'ES256';

export interface GrafanaKeys {
  readonly ids: ReadonlySet<string>;
  readonly keyOf: JWTVerifyGetKey;
}

const keySet = z.object({
  keys: z.array(z.looseObject({ kid: z.string().optional(), kty: z.string(), alg: z.string().optional() })),
});

export function keysUrlOf({ url, jwks_url }: GrafanaConfig): string {
  return jwks_url ?? `${url.replace(/\/+$/, '')}/api/signing-keys/keys`;
}

/**
 * Fetches the keys that Grafana signs identities with.
 * @throws GrafanaUnavailable
 */
export async function fetchKeys(grafana: GrafanaConfig): Promise<GrafanaKeys> {
  const url = keysUrlOf(grafana);
  const ca = await readCa(grafana);
  const parsed = keySet.safeParse(await askGrafana({ url, ...(ca === undefined ? {} : { ca }) }));
  const found = parsed.data?.keys.filter(({ kid, kty, alg = ALGORITHM }) => kid && kty === 'EC' && alg === ALGORITHM);
  if (found === undefined || found.length === 0) {
    throw new GrafanaUnavailable(
      `${url}: found no ${ALGORITHM} key with an id, expected Grafana's signing keys; check grafana.url`,
    );
  }
  return {
    ids: new Set(found.flatMap(({ kid }) => kid ?? [])),
    keyOf: createLocalJWKSet({ keys: found } as JSONWebKeySet),
  };
}
