import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { interpolate } from '../../exporter/src/config/interpolate.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What is read of a service of docker-compose.yml; the rest is for containers alone. */
export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly user?: string;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** docker-compose.yml as it stands: variables are not replaced. */
export async function readComposeFile(): Promise<ComposeFile> {
  return parse(await readFile(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true });
}

/** A variable of docker-compose.yml: `${NAME}`, `${NAME:-default}`, `${NAME:?what it has to be}`. */
const REQUIRED = /\$\{(\w+):\?[^}]*\}/g;

/** @returns the text with its variables replaced, as docker compose does. */
export function withVariables(text: string, variables: Readonly<Record<string, string>>): string {
  // $$ is compose's $; what needs it is the shell of a container.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is compose's syntax
  const result = interpolate(String(text).replace(REQUIRED, '${$1}'), variables);
  if (result.kind === 'problem') throw new Error(`docker-compose.yml: ${text}: ${result.message}`);
  return result.kind === 'literal' ? text : result.text;
}
