import { comparePlaces, placeOf } from '@contract/outputPlace.ts';
import fc from 'fast-check';
import {
  dropFar,
  EMPTY_BUFFER,
  indexOfPlace,
  lineKey,
  type OutputBuffer,
  type OutputLine,
  takeEarlier,
  takeLater,
  takeLive,
} from './outputBuffer';

const START = Date.parse('2026-11-20T13:00:00.000Z');
const compare = (a: OutputLine, b: OutputLine) => comparePlaces(placeOf(a), placeOf(b));
const keysOf = (lines: readonly OutputLine[]) => lines.map((line) => `${lineKey(line)} ${line.at} ${line.text}`);

/** What a run printed: lines of several steps and sandboxes, many of one millisecond. */
const printed = fc
  .uniqueArray(
    fc.record({
      source: fc.constant('s'),
      seq: fc.nat(60),
      stepId: fc.constantFrom(undefined, 'a', 'b'),
      sandboxId: fc.constantFrom(undefined, 'x'),
      at: fc.nat(20).map((ms) => new Date(START + ms).toISOString()),
      text: fc.string({ maxLength: 20 }),
    }),
    { selector: (line) => lineKey(line as OutputLine), maxLength: 80 },
  )
  .map((lines) => (lines as OutputLine[]).sort(compare));

it('is what was printed, however it came: live, in pages from both sides, twice and in any order', () => {
  fc.assert(
    fc.property(printed, fc.nat(), fc.array(fc.nat(), { maxLength: 12 }), (all, begin, moves) => {
      const cut = all.length === 0 ? 0 : begin % all.length;
      let [from, to] = [cut, Math.min(all.length, cut + 5)];
      let buffer: OutputBuffer = { lines: all.slice(from, to), atStart: from === 0, atEnd: to === all.length };
      for (const move of moves) {
        const size = 1 + (move % 7);
        // Anything of it may come again live, inside and outside of the window.
        buffer = takeLive(buffer, shuffled(all, move).slice(0, size * 3));
        expect(keysOf(buffer.lines)).toEqual(keysOf(all.slice(from, to)));
        if (move % 2 === 0 && from > 0) {
          const next = Math.max(0, from - size);
          buffer = takeEarlier(buffer, all.slice(next, from), next === 0);
          from = next;
        } else if (to < all.length) {
          const next = Math.min(all.length, to + size);
          buffer = takeLater(buffer, all.slice(to, next), next === all.length);
          to = next;
        }
        expect(keysOf(buffer.lines)).toEqual(keysOf(all.slice(from, to)));
        expect([buffer.atStart, buffer.atEnd]).toEqual([from === 0, to === all.length]);
      }
    }),
    { numRuns: 300 },
  );
});

it('follows what is printed from the first line on, in whatever pieces it comes', () => {
  fc.assert(
    fc.property(
      printed,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.integer(),
      (all, sizes, salt) => {
        let buffer = EMPTY_BUFFER;
        const coming = shuffled(all, salt);
        for (let i = 0, at = 0; at < coming.length; at += sizes[i++ % sizes.length] as number) {
          buffer = takeLive(buffer, coming.slice(at, at + (sizes[i % sizes.length] as number)));
        }
        expect(keysOf(buffer.lines)).toEqual(keysOf(all));
      },
    ),
  );
});

it('shows a message as it was written last, where it stands then', () => {
  const line = (seq: number, ms: number, text: string): OutputLine =>
    ({ source: 's', seq, at: new Date(START + ms).toISOString(), text }) as OutputLine;
  let buffer = takeLive(EMPTY_BUFFER, [line(1, 1, 'I'), line(2, 2, 'tool')]);
  buffer = takeLive(buffer, [line(1, 3, 'I have read it')]);
  expect(buffer.lines.map(({ text }) => text)).toEqual(['tool', 'I have read it']);
  expect(takeLive(buffer, [line(1, 1, 'I')]).lines).toEqual(buffer.lines);
  // A later word of the same time replaces the former.
  expect(takeLive(buffer, [line(1, 3, 'I have read it all')]).lines.at(-1)?.text).toBe('I have read it all');
});

it('drops what is far from where somebody reads, never that itself, and says that there is more', () => {
  fc.assert(
    fc.property(
      printed,
      fc.nat(),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 400 }),
      (all, read, lines, characters) => {
        if (all.length === 0) return;
        const at = read % all.length;
        const buffer = dropFar({ lines: all, atStart: true, atEnd: true }, at, { lines, characters });
        const from = all.indexOf(buffer.lines[0] as OutputLine);
        expect(buffer.lines).toEqual(all.slice(from, from + buffer.lines.length));
        expect(buffer.lines).toContain(all[at]);
        expect([buffer.atStart, buffer.atEnd]).toEqual([from === 0, from + buffer.lines.length === all.length]);
        const size = buffer.lines.reduce((sum, { text = '' }) => sum + text.length, 0);
        if (buffer.lines.length > 1) expect(buffer.lines.length <= lines && size <= characters).toBe(true);
      },
    ),
  );
});

it('finds the line of a place, or the one that comes after it', () => {
  fc.assert(
    fc.property(printed, fc.nat(), (all, pick) => {
      if (all.length === 0) return;
      const at = pick % all.length;
      expect(indexOfPlace(all, placeOf(all[at] as OutputLine))).toBe(at);
    }),
  );
});

/** The same, in an order that depends on the salt alone. */
function shuffled<T>(all: readonly T[], salt: number): T[] {
  const rank = (i: number) => Math.imul(i + 1, (salt | 1) * 2_654_435_761) >>> 0;
  return all
    .map((value, i) => [rank(i), value] as const)
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}
