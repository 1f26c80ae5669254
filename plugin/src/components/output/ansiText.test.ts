import fc from 'fast-check';
import { markFound, toPieces } from './ansiText';

const ESC = '\u001b';
const textIn = (pieces: readonly { text: string }[]) => pieces.map(({ text }) => text).join('');

it('shows colours and styles, and ends them', () => {
  expect(toPieces(`a${ESC}[1;31mb${ESC}[0mc${ESC}[38;5;208md${ESC}[48;2;1;2;3me${ESC}[92mf`)).toEqual([
    { text: 'a' },
    { text: 'b', color: 1, bold: true },
    { text: 'c' },
    { text: 'd', color: '255, 135, 0' },
    { text: 'e', color: '255, 135, 0', background: '1, 2, 3' },
    { text: 'f', color: 10, background: '1, 2, 3' },
  ]);
});

it('obeys nothing that a terminal would: no title, no link, no cursor, nothing hidden', () => {
  const hostile = [
    `${ESC}]0;title\u0007`,
    `${ESC}]8;;javascript:alert(1)${ESC}\\link${ESC}]8;;${ESC}\\`,
    `${ESC}[2J${ESC}[10;10H`,
    `${ESC}P1;2|payload${ESC}\\`,
    `${ESC}c${ESC}(B${ESC}[?25l`,
    '\u0000\u0007\u0008\u009b31mX\u009d0;t\u009c',
  ].join('-');
  const pieces = toPieces(hostile);
  expect(textIn(pieces)).toBe('-link----X');
  expect(textIn(toPieces(`${ESC}[8msecret${ESC}[28m`))).toBe('secret');
});

it('shows of a line that was written over what was left of it', () => {
  expect(textIn(toPieces('10%\r50%\r100%\r\nnext\r'))).toBe('100%\nnext');
});

it('never shows a control character, whatever it is given', () => {
  const nasty = fc.array(
    fc.oneof(
      fc.string(),
      fc.constantFrom(
        ESC,
        `${ESC}[`,
        `${ESC}]`,
        '\u009b',
        '\r',
        ';',
        'm',
        '38;5;',
        '48;2;',
        '31m',
        '\u0007',
        '\u0000',
        '\n',
      ),
    ),
  );
  fc.assert(
    fc.property(nasty, (parts) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(textIn(toPieces(parts.join('')))).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }),
    { numRuns: 500 },
  );
});

it('marks what is found across colours, and changes no text', () => {
  const pieces = toPieces(`x ER${ESC}[31mROR${ESC}[0m y error`);
  const marked = markFound(pieces, 'error');
  expect(marked.filter(({ found }) => found).map(({ text, color }) => [text, color])).toEqual([
    ['ER', undefined],
    ['ROR', 1],
    ['error', undefined],
  ]);
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string({ maxLength: 3 }), (texts, words) => {
      const plain = texts.map((text) => ({ text }));
      expect(textIn(markFound(plain, words))).toBe(textIn(plain));
    }),
  );
});
