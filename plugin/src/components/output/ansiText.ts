import { plainText } from '@contract/plainText.ts';
import Anser from 'anser';

/** A piece of text of one look. Colours are `r, g, b`, or the number of a colour that the theme has its own of. */
export interface TextPiece {
  readonly text: string;
  readonly color?: AnsiColor;
  readonly background?: AnsiColor;
  readonly bold?: true;
  readonly faint?: true;
  readonly italic?: true;
  readonly underlined?: true;
  readonly struck?: true;
  /** What is searched for. */
  readonly found?: true;
}

/** 0 to 7: black, red, green, yellow, blue, magenta, cyan, white; 8 to 15 the bright ones. */
export type AnsiColor = number | string;

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

/** @returns the text in pieces of one look each. Whatever else a terminal would obey is left out; what is told to be hidden is shown. */
export function toPieces(text: string): readonly TextPiece[] {
  const clean = plainText(text, { keepStyles: true });
  if (!clean.includes('\u001b')) return clean === '' ? [] : [{ text: clean }];
  return Anser.ansiToJson(clean, { json: true, remove_empty: true, use_classes: true }).map((chunk) => {
    const { content, fg, bg, fg_truecolor, bg_truecolor, decorations } = chunk;
    const [front, back] = [colorOf(fg, fg_truecolor), colorOf(bg, bg_truecolor)];
    const reversed = decorations.includes('reverse');
    const [color, background] = reversed ? [back ?? 0, front ?? 7] : [front, back];
    return {
      text: content,
      ...(color === undefined ? {} : { color }),
      ...(background === undefined ? {} : { background }),
      ...(decorations.includes('bold') ? { bold: true as const } : {}),
      ...(decorations.includes('dim') ? { faint: true as const } : {}),
      ...(decorations.includes('italic') ? { italic: true as const } : {}),
      ...(decorations.includes('underline') ? { underlined: true as const } : {}),
      ...(decorations.includes('strikethrough') ? { struck: true as const } : {}),
    };
  });
}

/** Anser names colours by class: `ansi-red`, `ansi-bright-red`, `ansi-palette-123`, `ansi-truecolor`. */
function colorOf(name: string | null, truecolor: string | null): AnsiColor | undefined {
  if (name === null || name === undefined) return undefined;
  if (name === 'ansi-truecolor') return truecolor ?? undefined;
  const palette = /^ansi-palette-(\d{1,3})$/.exec(name);
  if (palette !== null) return paletteColor(Number(palette[1]));
  const named = /^ansi-(bright-)?([a-z]+)$/.exec(name);
  const index = NAMES.indexOf(named?.[2] ?? '');
  return index < 0 ? undefined : index + (named?.[1] === undefined ? 0 : 8);
}

const LEVELS = [0, 95, 135, 175, 215, 255];
/** The 256 colours of xterm: 16 named ones, a cube of six levels, 24 greys. */
function paletteColor(index: number): AnsiColor | undefined {
  if (index < 16) return index;
  if (index > 255) return undefined;
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232);
    return `${grey}, ${grey}, ${grey}`;
  }
  const at = index - 16;
  return [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((level) => LEVELS[level]).join(', ');
}

/** @returns the pieces with what is searched for in pieces of its own, across looks and in either case. */
export function markFound(pieces: readonly TextPiece[], words: string): readonly TextPiece[] {
  if (words === '') return pieces;
  const whole = pieces.map(({ text }) => text).join('');
  const marked: TextPiece[] = [];
  const ranges = [...whole.matchAll(new RegExp(escaped(words), 'giu'))].map(
    ({ index, 0: found }) => [index, index + found.length] as const,
  );
  if (ranges.length === 0) return pieces;
  let start = 0;
  let next = 0;
  for (const piece of pieces) {
    const end = start + piece.text.length;
    let at = start;
    while (at < end) {
      while (next < ranges.length && (ranges[next]?.[1] ?? 0) <= at) next++;
      const [from, to] = ranges[next] ?? [end, end];
      const isFound = from <= at;
      const until = Math.min(end, isFound ? to : from);
      const { found: _, ...look } = piece;
      marked.push({ ...look, text: whole.slice(at, until), ...(isFound ? { found: true as const } : {}) });
      at = until;
    }
    start = end;
  }
  return marked;
}

function escaped(words: string): string {
  return words.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
