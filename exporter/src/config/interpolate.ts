/** `${NAME}`, `${NAME:-default}`, the escape `$${`, and anything else that begins like one, so that a typo is refused. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/** What became of one text. */
export type Interpolated =
  | { readonly kind: 'literal' }
  | { readonly kind: 'value'; readonly text: string }
  | { readonly kind: 'problem'; readonly message: string };

/**
 * Replaces references to environment variables in one YAML value. The values are put in after the YAML was parsed, so
 * that a password with `#` or `: ` in it stays one value, and are not searched for references again.
 */
export function interpolate(text: string, env: Readonly<Record<string, string | undefined>>): Interpolated {
  if (!text.includes('${')) return { kind: 'literal' };
  const problems: string[] = [];
  const result = text.replace(REFERENCE, (match: string, name: string | undefined, fallback: string | undefined) => {
    if (match === '$${') return '${';
    if (name === undefined) {
      problems.push(
        `found "\${" without a variable name, expected \${NAME} or \${NAME:-default}; write $\${ for a literal \${`,
      );
      return '';
    }
    const value = env[name];
    if (value !== undefined && value !== '') return value;
    if (fallback !== undefined) return fallback;
    const found = value === undefined ? 'is not set' : 'is empty';
    problems.push(`the environment variable ${name} ${found}; set it, or write \${${name}:-default}`);
    return '';
  });
  const [problem] = problems;
  return problem === undefined ? { kind: 'value', text: result } : { kind: 'problem', message: problems.join('; ') };
}
