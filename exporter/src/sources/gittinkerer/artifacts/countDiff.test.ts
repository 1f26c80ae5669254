import { expect, it } from 'vitest';
import { countDiff } from './countDiff.ts';

const diff = (...lines: string[]) => countDiff(`${lines.join('\n')}\n`);

it('lines are counted by what the hunks hold, whatever they look like', () => {
  expect(
    diff(
      'diff --git a/a.ts b/a.ts',
      '--- a/a.ts',
      '+++ b/a.ts',
      '@@ -1,3 +1,5 @@',
      ' context',
      '--- a removed comment',
      '+added',
      '+',
      '+++counter',
      '',
      '\\ No newline at end of file',
      '+between the files',
      'diff --git a/old.png b/new.png',
      'rename from old.png',
      'diff --git a/b.ts b/b.ts',
      '@@ -1 +1 @@',
      '-old',
      '+new',
      '-behind the hunk',
    ),
    // By the platform's own patterns: added, the notice, the two that are no changes, old, new.
  ).toEqual({ files: 3, linesAdded: 4, linesRemoved: 2, platformLoc: 6 });
});

it('a hunk that is cut off ends with the next file', () => {
  expect(diff('diff --git a/a b/a', '@@ -1,5 +1,5 @@', ' a', 'diff --git a/b b/b', '+stray', '-stray')).toMatchObject({
    files: 2,
    linesAdded: 0,
    linesRemoved: 0,
  });
});

it('a diff that git did not write has files too', () => {
  expect(diff('--- a.ts', '+++ a.ts', '@@ -1,2 +1 @@', '-x', '-y', '+z')).toMatchObject({
    files: 1,
    linesAdded: 1,
    linesRemoved: 2,
  });
});

it.each([
  ['@@ -1,2 +0,0 @@', ['-x', '-y', '-behind'], [0, 2]],
  ['@@ -1 +0,0 @@', ['-x', '-behind'], [0, 1]],
  ['@@ -0,0 +1,2 @@', ['+x', '+y', '+behind'], [2, 0]],
  ['@@ -0,0 +1 @@', ['+x', '+behind'], [1, 0]],
])('the hunk %s has as many lines as it says', (hunk, body, [linesAdded, linesRemoved]) => {
  expect(diff('diff --git a/a b/a', hunk, ...body)).toMatchObject({ linesAdded, linesRemoved });
});

it('a diff may have the ends of lines of Windows, and none at its own end', () => {
  expect(countDiff('diff --git a/a b/a\r\n@@ -1,2 +1,3 @@\r\n \r\n\r\n+x')).toEqual({
    files: 1,
    linesAdded: 1,
    linesRemoved: 0,
    platformLoc: 1,
  });
});
