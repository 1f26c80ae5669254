import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { artifactFiles, COMMENT_PAYLOAD, writeArtifacts } from '../../../../../test/support/gittinkererDatabase.ts';
import { temporaryDirectory } from '../../../../../test/support/temporaryDirectory.ts';
import { RootedFiles } from '../../files/rootedFiles.ts';
import { ArtifactReader } from './readArtifacts.ts';

const DIRECTORY = '20260103T142626Z';

async function bed(files: Readonly<Record<string, string>>) {
  const made = await temporaryDirectory('artifacts');
  await writeArtifacts(made.path, DIRECTORY, files);
  const root = await RootedFiles.open(made.path);
  onTestFinished(async () => {
    await root.close();
    await made.remove();
  });
  const reader = new ArtifactReader({ maxFileBytes: 2_000 });
  return {
    path: join(made.path, DIRECTORY),
    write: (more: Readonly<Record<string, string>>) => writeArtifacts(made.path, DIRECTORY, more),
    read: (directory = DIRECTORY) => reader.read(root, directory),
    runJson: () => reader.readRunJson(root, DIRECTORY),
  };
}

it('a directory is all of its files; unchanged it is not read again', async () => {
  const files = artifactFiles('r1', DIRECTORY);
  const { read, write } = await bed(files);
  const first = await read();
  expect(first).toMatchObject({
    directory: DIRECTORY,
    files: Object.entries(files)
      .map(([name, { length: bytes }]) => ({ name, path: `${DIRECTORY}/${name}`, bytes }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    run: JSON.parse(files['run.json'] ?? ''),
    payload: JSON.parse(JSON.stringify(COMMENT_PAYLOAD)),
    prompt: files['agent-run/prompt.txt'],
    diff: { files: 2, linesAdded: 3, linesRemoved: 1, platformLoc: 2 },
    diffText: files['agent-run/diff.patch'],
    filesChanged: ['src/flags.ts', 'docs/README.md'],
    prComment: files['agent-run/pr_comment.txt'],
    summary: files['agent-run/summary.md'],
    commitSha: '9fceb02d0ae598e95dc970b74767f19372d61af8',
    problems: [],
  });
  expect(await read()).toBe(first);
  await write({ 'agent-run/summary.md': 'Another one.' });
  expect(await read()).toMatchObject({ summary: 'Another one.' });
  expect(await read('20260104T000000Z')).toBeUndefined();
});

it('a part that is not what it should be is absent, and why is among the problems', async () => {
  const { path, read } = await bed({
    'run.json': '[]',
    'payload.json': '{',
    'agent-run/files_changed.json': '{}',
    'agent-run/commit_sha.txt': 'none',
    'agent-run/prompt.txt': 'x'.repeat(2_001),
    'a/b/deep.txt': 'deep',
    'a/b/c/deeper.txt': 'deeper',
  });
  await symlink('/etc/passwd', join(path, 'agent-run/summary.md'));
  const found = await read();
  expect(found).toEqual({
    directory: DIRECTORY,
    files: expect.arrayContaining([{ name: 'a/b/deep.txt', path: `${DIRECTORY}/a/b/deep.txt`, bytes: 4 }]),
    problems: [
      expect.stringMatching(/summary\.md: found a symbolic link/),
      'payload.json: found no JSON (1 characters)',
      'agent-run/commit_sha.txt: found no commit hash in it',
      'agent-run/prompt.txt: found 2001 bytes, read are at most 2000',
    ],
  });
  expect(found?.files.map(({ name }) => name)).not.toContain('a/b/c/deeper.txt');
  await rm(join(path, 'agent-run/summary.md'));
  expect((await read())?.problems).toEqual(found?.problems.slice(1));
});

it('of a directory with very many files 200 are listed', async () => {
  const names = Array.from({ length: 240 }, (_, n) => `${n % 2 === 0 ? 'a' : 'b'}/log-${n}.txt`);
  const { read } = await bed(Object.fromEntries(names.map((name) => [name, ''])));
  expect((await read())?.files).toHaveLength(200);
});
