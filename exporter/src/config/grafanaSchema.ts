import { z } from 'zod';
import { filePath, positiveInteger } from './fieldTypes.ts';
import { READING_ROLES } from './roles.ts';

const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' });
const role = z.enum(READING_ROLES);
/** What may be seen: a list, or `all`, which undoes the list of a rule that is less specific. */
const projects = z.union([z.literal('all'), z.array(z.string().min(1)).nonempty()]);

/** What a basic role of Grafana stands for: a role here, `none`, or a role with its projects. */
const grant = z.union([
  z.enum([...READING_ROLES, 'none']).transform((name) => ({ role: name, projects: undefined })),
  z.strictObject({ role, projects: projects.optional() }),
]);

const MORE = { role: role.optional(), projects: projects.optional() };
const saysSomething = (rule: { readonly role?: unknown; readonly projects?: unknown }) =>
  rule.role !== undefined || rule.projects !== undefined;
const SAYS_NOTHING = 'expected a role, projects or both, found neither';

const userSchema = z
  .strictObject({
    login: z.string().min(1).optional(),
    email: z.string().min(1).optional(),
    /** The subject of the identity, `user:<id>`: it stays when a person changes login or address. */
    subject: z
      .string()
      .regex(/^user:.+$/, { error: 'expected the subject of an identity, such as user:12' })
      .optional(),
    ...MORE,
  })
  .superRefine((rule, context) => {
    const named = [rule.login, rule.email, rule.subject].filter((name) => name !== undefined).length;
    if (named !== 1) {
      const found = named === 0 ? 'none' : 'several';
      context.addIssue({ code: 'custom', message: `expected one of login, email or subject, found ${found}` });
    }
  })
  .refine(saysSomething, { error: SAYS_NOTHING });

const teamSchema = z.strictObject({ name: z.string().min(1), ...MORE }).refine(saysSomething, { error: SAYS_NOTHING });

/** Whose people are believed, and what they may. */
export const grafanaSchema = z
  .strictObject({
    /** Its root URL, as in `root_url` of its configuration. */
    url: httpUrl,
    /** Default: {@link url}. */
    issuer: z.string().min(1).optional(),
    /** Default: `<url>/api/signing-keys/keys`. */
    jwks_url: httpUrl.optional(),
    org_id: positiveInteger.default(1),
    /** Certificates, PEM, that vouch for Grafana's besides the usual ones. */
    ca_file: filePath.optional(),
    role_map: z
      .strictObject({
        None: grant.prefault('none'),
        Viewer: grant.prefault('viewer'),
        Editor: grant.prefault('operator'),
        Admin: grant.prefault('admin'),
      })
      .prefault({}),
    users: z.array(userSchema).default([]),
    teams: z.array(teamSchema).default([]),
    /** Of role Admin in Grafana: lists the members of {@link teams}. */
    service_account_token: z.string().min(1).optional(),
  })
  .refine((grafana) => grafana.teams.length === 0 || grafana.service_account_token !== undefined, {
    path: ['service_account_token'],
    error:
      'expected the token of a Grafana service account of role Admin where teams are named: the signed identity does not tell teams',
  });

export type GrafanaConfig = z.output<typeof grafanaSchema>;
export type BasicRole = keyof GrafanaConfig['role_map'];
