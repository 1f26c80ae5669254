/** What a line of a unified diff is. */
export type DiffLineKind = 'file' | 'hunk' | 'added' | 'removed' | 'same';

export interface DiffLine {
  readonly kind: DiffLineKind;
  readonly text: string;
}

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;

/** Reads a unified diff. Hunks say how many lines each side has, so a removed `-- comment` is not taken for the head of a file. */
export function diffLines(diff: string): DiffLine[] {
  let [removable, addable] = [0, 0];
  return diff
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map((text): DiffLine => {
      if (removable > 0 || addable > 0) {
        if (text.startsWith('+')) {
          addable--;
          return { kind: 'added', text };
        }
        if (text.startsWith('-')) {
          removable--;
          return { kind: 'removed', text };
        }
        if (!text.startsWith('\\')) {
          addable--;
          removable--;
        }
        return { kind: 'same', text };
      }
      const hunk = HUNK.exec(text);
      if (hunk !== null) {
        removable = Number(hunk[1] ?? 1);
        addable = Number(hunk[2] ?? 1);
        return { kind: 'hunk', text };
      }
      return { kind: text.startsWith('\\') ? 'same' : 'file', text };
    });
}
