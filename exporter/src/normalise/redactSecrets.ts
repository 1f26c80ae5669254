/**
 * Secrets that agents print or that people paste into prompts. Each row is one shape of credential; the whole match is
 * replaced, or, where the pattern captures a prefix, everything behind the prefix. `hint` is a cheap part of the pattern: a
 * text without it has no match.
 */
export const SECRET_PATTERNS: readonly { name: string; hint: RegExp; pattern: RegExp }[] = [
  {
    name: 'private_key',
    hint: /PRIVATE KEY-----/,
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  },
  { name: 'anthropic_openai_openrouter', hint: /\bsk-/, pattern: /\bsk-[A-Za-z0-9_-]{16,}/g },
  {
    name: 'github',
    hint: /\b(?:gh[pousr]_|github_pat_)/,
    pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{22,})/g,
  },
  { name: 'gitlab', hint: /\bglpat-/, pattern: /\bglpat-[A-Za-z0-9_-]{16,}/g },
  { name: 'codecourier', hint: /\bcc_(?:live|test)_/, pattern: /\bcc_(?:live|test)_[A-Za-z0-9]{8,}/g },
  { name: 'e2b', hint: /\be2b_/, pattern: /\be2b_[A-Za-z0-9]{16,}/g },
  {
    name: 'trigger_dev',
    hint: /\btr_(?:dev|prod|stg|preview|pat)_/,
    pattern: /\btr_(?:dev|prod|stg|preview|pat)_[A-Za-z0-9]{12,}/g,
  },
  {
    name: 'slack',
    hint: /\bxox[abeoprs]-|hooks\.slack\.com\//,
    pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com\/services\/[A-Za-z0-9/]+/g,
  },
  { name: 'aws', hint: /\b(?:AKIA|ASIA)/, pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { name: 'google', hint: /\bAIza/, pattern: /\bAIza[A-Za-z0-9_-]{30,}/g },
  { name: 'stripe', hint: /\b[rs]k_(?:live|test)_/, pattern: /\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}/g },
  { name: 'npm', hint: /\bnpm_/, pattern: /\bnpm_[A-Za-z0-9]{30,}/g },
  { name: 'huggingface', hint: /\bhf_/, pattern: /\bhf_[A-Za-z0-9]{30,}/g },
  { name: 'jwt', hint: /\beyJ/, pattern: /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+/g },
  {
    name: 'authorization',
    hint: /\b(?:bearer|basic)\s/i,
    // A word ("basic authentication") has no digits and no capitals inside, and is no longer than 24 letters.
    pattern:
      /(\b(?:[Bb]earer|[Bb]asic|BEARER|BASIC)\s+)(?=[A-Za-z+/=._~-]*(?:\d|[a-z][A-Z])|[A-Za-z0-9+/=._~-]{25})[A-Za-z0-9+/=._~-]{12,}/g,
  },
  {
    name: 'url_credentials',
    hint: /:\/\/[^\s:@/]{0,64}:[^\s@/]{1,256}@/,
    pattern: /(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/]{0,64}:)[^\s@/]{1,256}(?=@)/gi,
  },
  {
    name: 'assignment',
    hint: /(?:password|passwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|private[_-]?key|deploy[_-]?key)["']?\s{0,4}[:=]/i,
    pattern:
      /(["']?\b[a-z0-9_-]{0,40}(?:password|passwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|private[_-]?key|deploy[_-]?key)["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"',;}]{6,}/gi,
  },
];

/** What stands in place of a secret. */
export const REDACTED = '[REDACTED]';

/** One look before the list is walked: most texts have no hint of any secret. */
const SUSPICIOUS = new RegExp(SECRET_PATTERNS.map(({ hint }) => hint.source).join('|'), 'i');

/** Field names whose value is a secret whatever it looks like. */
const SECRET_NAME =
  /^(?:.*[_-])?(?:password|passwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|deploy[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|bearer[_-]?token|authorization|cookie|set-cookie|x-api-key)$|(?:apiKey|accessKey|privateKey|deployKey|accessToken|authToken|refreshToken|bearerToken|clientSecret|Password|Secret)$/i;

/** @returns `text` without the secrets that {@link SECRET_PATTERNS} knows; the same string where it has none. */
export function redactText(text: string): string {
  if (text.length < 12 || !SUSPICIOUS.test(text)) return text;
  let clean = text;
  for (const { hint, pattern } of SECRET_PATTERNS) {
    if (!hint.test(clean)) continue;
    clean = clean.replace(pattern, (_match, prefix) => (typeof prefix === 'string' ? prefix + REDACTED : REDACTED));
  }
  return clean;
}

/** @returns whether a field of this name holds a secret, so that its text is replaced whole. */
export function isSecretName(fieldName: string): boolean {
  return SECRET_NAME.test(fieldName);
}
