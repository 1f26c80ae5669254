import { diffLines } from './diffLines';

it('tells lines by their hunks, so that what looks like a head is not taken for one', () => {
  const diff =
    'diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n--- comment\n+++ counter\n same\n\\ No newline at end of file\n';
  expect(diffLines(diff).map(({ kind }) => kind)).toEqual([
    'file',
    'file',
    'file',
    'hunk',
    'removed',
    'added',
    'same',
    'same',
  ]);
});
