import { isSecretName, REDACTED, redactText } from '../normalise/redactSecrets.ts';

/** Names that are harmless inside an agent's records but carry credentials in what the exporter says of itself. */
const OWN_SECRET_NAMES = /^(?:token|dsn|pass|cookies|proxy-authorization|x-grafana-id)$/i;

/** @returns a copy of plain data (JSON values) without secrets: whole where the name says so, and inside texts. */
export function redactValue(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redactValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, redactMember(key, child)]));
}

function redactMember(key: string, child: unknown): unknown {
  const isSecret = child !== null && child !== undefined && (isSecretName(key) || OWN_SECRET_NAMES.test(key));
  return isSecret ? REDACTED : redactValue(child);
}
