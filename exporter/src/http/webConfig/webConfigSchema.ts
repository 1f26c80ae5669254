import { z } from 'zod';
import { durationMs } from '../../config/fieldTypes.ts';
import { CIPHERS, CURVES, TLS_VERSIONS } from './tlsNames.ts';

const CLIENT_AUTH_TYPES = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'RequireClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

const names = <Name extends string>(table: Readonly<Record<Name, string>>) =>
  z.enum(Object.keys(table) as [Name, ...Name[]]); // the keys of a Record<Name, …> are Names

const tlsSchema = z
  .strictObject({
    cert: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    client_ca: z.string().min(1).optional(),
    cert_file: z.string().min(1).optional(),
    key_file: z.string().min(1).optional(),
    client_ca_file: z.string().min(1).optional(),
    client_auth_type: z.enum(CLIENT_AUTH_TYPES).optional(),
    client_allowed_sans: z.array(z.string().min(1)).nonempty().optional(),
    min_version: names(TLS_VERSIONS).default('TLS12'),
    max_version: names(TLS_VERSIONS).default('TLS13'),
    cipher_suites: z.array(names(CIPHERS)).default([]),
    prefer_server_cipher_suites: z.boolean().default(true),
    curve_preferences: z.array(names(CURVES)).default([]),
  })
  .superRefine((tls, context) => {
    const refuse = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    for (const key of ['cert', 'key', 'client_ca'] as const) {
      const [inline, file] = [tls[key], tls[`${key}_file`]];
      if (inline !== undefined && file !== undefined) refuse(key, `both ${key} and ${key}_file are set, expected one`);
      if (key !== 'client_ca' && inline === undefined && file === undefined) {
        refuse(`${key}_file`, `expected ${key}_file or ${key}: TLS needs both a certificate and its key`);
      }
    }
    const auth = tls.client_auth_type ?? 'NoClientCert';
    if ((tls.client_ca ?? tls.client_ca_file) !== undefined && auth === 'NoClientCert') {
      refuse('client_auth_type', 'a client CA is set, expected a policy such as RequireAndVerifyClientCert');
    }
    const demandsCertificate = auth.startsWith('Require');
    if (tls.client_allowed_sans !== undefined && !demandsCertificate) {
      refuse('client_allowed_sans', 'needs client_auth_type RequireAnyClientCert or RequireAndVerifyClientCert');
    }
  });

/** What the exporter-toolkit lets a file set, and the values where it is particular. */
const HEADERS = [
  'Content-Security-Policy',
  'X-Frame-Options',
  'X-Content-Type-Options',
  'X-XSS-Protection',
  'Strict-Transport-Security',
] as const;
const HEADER_VALUES: Readonly<Record<string, readonly string[]>> = {
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-Content-Type-Options': ['nosniff'],
};

const httpSchema = z.strictObject({
  http2: z
    .boolean()
    .optional()
    .refine((http2) => http2 !== true, { error: 'expected false: this server speaks HTTP/1.1 only; leave http2 out' }),
  headers: z
    .partialRecord(z.enum(HEADERS), z.string())
    .superRefine((headers, context) => {
      for (const [name, allowed] of Object.entries(HEADER_VALUES)) {
        const value = Object.entries(headers).find(([key]) => key === name)?.[1];
        if (value !== undefined && value !== '' && !allowed.includes(value)) {
          context.addIssue({ code: 'custom', path: [name], message: `expected one of ${allowed.join(', ')}` });
        }
      }
    })
    .default({}),
});

const bcryptHash = z.string().regex(/^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/, {
  error: 'expected a bcrypt hash ($2y$…, as `htpasswd -nBC 10 ""` prints)',
});

const rateLimitSchema = z.strictObject({
  interval: durationMs,
  burst: z.int().positive(),
});

/** The web configuration file of Prometheus' exporter-toolkit, with its keys and meanings. */
export const webConfigSchema = z.strictObject({
  tls_server_config: tlsSchema.optional(),
  http_server_config: httpSchema.prefault({}),
  basic_auth_users: z.record(z.string().min(1), bcryptHash).default({}),
  rate_limit: rateLimitSchema.optional(),
});

export type WebConfig = z.output<typeof webConfigSchema>;
export type TlsConfig = NonNullable<WebConfig['tls_server_config']>;
