const BARE_NAME = /^[A-Za-z_][\w-]{0,63}$/;
/** `handleIssueComment(usecases/github/handleIssueComment)`; `?(runner)` where the function has no name. */
const FUNCTION_OF_MODULE = /^([^()\s]*)\(([^()]*)\)$/;
/** `app.tasks.review in run_review`, as the SDK for Python writes it. */
const MODULE_IN_FUNCTION = /^(\S+) in (\S+)$/;

/**
 * Which part of the platform an error comes from, as a bare name, by Sentry's culprit: the function, else its module or file. A
 * request line (`POST /webhook`) is no part.
 */
export function componentOf(culprit: unknown): string | undefined {
  if (typeof culprit !== 'string') return undefined;
  const [, first, second] = FUNCTION_OF_MODULE.exec(culprit) ?? [];
  const [, module, inner] = MODULE_IN_FUNCTION.exec(culprit) ?? [];
  return [first, second, inner, module, culprit].map(bareName).find((name) => name !== undefined);
}

function bareName(text: string | undefined): string | undefined {
  if (text === undefined || /\s/.test(text)) return undefined;
  const bare =
    text
      .split(/[/\\]/)
      .at(-1)
      ?.replace(/\.([cm]?[jt]sx?|py)$/, '')
      .split(/\.|::/)
      .at(-1) ?? '';
  return BARE_NAME.test(bare) && bare !== 'anonymous' ? bare : undefined;
}
