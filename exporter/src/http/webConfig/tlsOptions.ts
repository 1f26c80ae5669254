import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { ConfigProblem } from '../../config/problem.ts';
import { CIPHERS, CURVES, TLS_VERSIONS } from './tlsNames.ts';
import type { TlsConfig } from './webConfigSchema.ts';

export type TlsOptions =
  | { readonly options: SecureContextOptions; readonly problem?: undefined }
  | { readonly options?: undefined; readonly problem: ConfigProblem };

/** Reads certificates and keys (file names absolute already) and checks that they make a TLS context. */
export function readTlsOptions(tls: TlsConfig): TlsOptions {
  const at = (key: string) => ['tls_server_config', key];
  const pem: { cert?: string | Buffer; key?: string | Buffer; client_ca?: string | Buffer } = {};
  for (const key of ['cert', 'key', 'client_ca'] as const) {
    const file = tls[`${key}_file`];
    const inline = tls[key];
    try {
      const content = file === undefined ? inline : readFileSync(file);
      if (content !== undefined) pem[key] = content;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { problem: { path: at(`${key}_file`), message: `expected a file that can be read: ${error.message}` } };
    }
  }
  const options: SecureContextOptions = {
    ...(pem.cert === undefined ? {} : { cert: pem.cert }),
    ...(pem.key === undefined ? {} : { key: pem.key }),
    ...(pem.client_ca === undefined ? {} : { ca: pem.client_ca }),
    minVersion: TLS_VERSIONS[tls.min_version],
    maxVersion: TLS_VERSIONS[tls.max_version],
    honorCipherOrder: tls.prefer_server_cipher_suites,
    ...(cipherList(tls) === '' ? {} : { ciphers: cipherList(tls) }),
    ...(tls.curve_preferences.length === 0
      ? {}
      : { ecdhCurve: tls.curve_preferences.map((name) => CURVES[name]).join(':') }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const message = `expected a certificate and key in PEM that belong together: ${error.message}`;
    return { problem: { path: ['tls_server_config'], message } };
  }
  return { options };
}

function cipherList(tls: TlsConfig): string {
  // As in Go, the list chooses among the suites up to TLS 1.2; those of 1.3 stay what they are.
  const names = tls.cipher_suites.map((name) => CIPHERS[name]).filter((name) => !name.startsWith('TLS_'));
  return names.join(':');
}
