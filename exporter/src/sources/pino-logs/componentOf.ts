import { isObject, type JsonObject } from '../rows/textValues.ts';

const FIELDS = ['handler', 'component', 'stage', 'usecase', 'module', 'context'] as const;
const BARE_NAME = /^[A-Za-z_][\w-]{0,63}$/;
/** `    at async handleIssueComment (/app/dist/usecases/github/handleIssueComment.js:12:3)` */
const FRAME =
  /^\s*at (?:async )?(?:new )?(?:([\w$.<>]+(?: \[as [\w$]+\])?) \()?((?:file:\/\/)?[^()\n]*?):\d+:\d+\)?$/gm;
const HANDLER_FILE = /\b(handle[A-Z]\w*|[a-z]\w*)\.[cm]?[jt]s$/;

/**
 * Which part of the platform an error comes from, as a bare name: what the line says, its tag, else the handler or the first own
 * function of the stack. The service's error hook logs no handler, but its errors have stacks.
 */
export function componentOf(
  fields: JsonObject,
  tag: string | undefined,
  stack: string | undefined,
): string | undefined {
  const tags = isObject(fields.tags) ? fields.tags : {};
  for (const name of FIELDS) {
    for (const value of [fields[name], tags[name]]) {
      if (typeof value !== 'string' || value === 'global') continue;
      // usecases/github/handleIssueComment.ts
      const bare =
        value
          .split(/[/\\]/)
          .at(-1)
          ?.replace(/\.[cm]?[jt]s$/, '') ?? '';
      if (BARE_NAME.test(bare)) return bare;
    }
  }
  return tag ?? fromStack(stack);
}

function fromStack(stack: string | undefined): string | undefined {
  let first: string | undefined;
  for (const [, name, file = ''] of stack?.matchAll(FRAME) ?? []) {
    if (/^(node|internal):|\bnode_modules\b|^node:/.test(file)) continue;
    const bare =
      name
        ?.replace(/ \[as .*$/, '')
        .split('.')
        .at(-1) ?? '';
    const ofFile = HANDLER_FILE.exec(file)?.[1] ?? '';
    const handler = [bare, ofFile].find((candidate) => /^handle[A-Z]/.test(candidate));
    if (handler !== undefined) return handler;
    first ??= [bare, ofFile].find((candidate) => BARE_NAME.test(candidate) && candidate !== 'anonymous');
  }
  return first;
}
