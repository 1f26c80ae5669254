export interface DiffCounts {
  readonly files: number;
  readonly linesAdded: number;
  readonly linesRemoved: number;
  /** What the platform's own `calculate_diff_loc` gives: additions and removals by its two patterns. */
  readonly platformLoc: number;
}

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;
const PLATFORM_ADDED = /^(\+[^+]|\\ No newline at end of file)/;
const PLATFORM_REMOVED = /^-[^-]/;

/**
 * Counts a unified diff by its hunks, which say how many lines each side has: so a removed `-- comment` is a line and not the
 * header of a file, an added empty line counts, and what stands between files does not.
 */
export function countDiff(diff: string): DiffCounts {
  let [files, linesAdded, linesRemoved, platformLoc] = [0, 0, 0, 0];
  let [before, after] = [0, 0];
  for (const line of lines(diff)) {
    if (PLATFORM_ADDED.test(line) || PLATFORM_REMOVED.test(line)) platformLoc++;
    if (before > 0 || after > 0) {
      const mark = line[0];
      if (mark === '+') [after, linesAdded] = [after - 1, linesAdded + 1];
      else if (mark === '-') [before, linesRemoved] = [before - 1, linesRemoved + 1];
      // Some tools strip the one space of an empty line of context.
      else if (mark === ' ' || mark === undefined) [before, after] = [before - 1, after - 1];
      else if (mark !== '\\') [before, after] = [0, 0];
    }
    const hunk = HUNK.exec(line);
    if (hunk !== null) [before, after] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
    // A file that is only renamed or is binary has no `+++`.
    else if (line.startsWith('diff --git ')) files++;
  }
  if (files === 0) files = plainFiles(diff);
  return { files, linesAdded, linesRemoved, platformLoc };
}

/** Of a diff that git did not write. */
function plainFiles(diff: string): number {
  return [...diff.matchAll(/^--- [^\n]*\n\+\+\+ /gm)].length;
}

function* lines(text: string): Generator<string> {
  let from = 0;
  while (from < text.length) {
    const end = text.indexOf('\n', from);
    const to = end === -1 ? text.length : end;
    const line = text.slice(from, to);
    yield line.endsWith('\r') ? line.slice(0, -1) : line;
    from = to + 1;
  }
}
