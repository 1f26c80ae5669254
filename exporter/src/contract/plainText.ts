// biome-ignore-start lint/suspicious/noControlCharactersInRegex: these are what they find
/** What a terminal obeys, with its arguments: CSI, OSC and other strings up to their end, two-character escapes; then C0 and C1. */
const ESCAPES =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** A colour or a style; everything else that a terminal obeys has no meaning on a page. */
const STYLE = /^(?:\u001b\[|\u009b)([\d;]*)m$/;
/** Most lines have none. */
const NEEDS_CARE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: these are what they find

/**
 * What an agent printed, without what a terminal would obey: tabs and line ends stay. A line that was written over again and again
 * (a progress bar) is as it was left.
 * @param keepStyles colours and styles stay, as `ESC [ … m`
 */
export function plainText(text: string, { keepStyles = false }: { readonly keepStyles?: boolean } = {}): string {
  if (!NEEDS_CARE.test(text)) return text;
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => cleanLine(line, keepStyles))
    .join('\n');
}

function cleanLine(line: string, keepStyles: boolean): string {
  const last = line.replace(/\r+$/, '');
  const shown = last.slice(last.lastIndexOf('\r') + 1);
  let clean = '';
  let from = 0;
  for (const match of shown.matchAll(ESCAPES)) {
    clean += shown.slice(from, match.index).replace(CONTROLS, '');
    from = match.index + match[0].length;
    const style = keepStyles ? STYLE.exec(match[0]) : null;
    if (style !== null) clean += `\u001b[${style[1]}m`;
  }
  return clean + shown.slice(from).replace(CONTROLS, '');
}
