import { execFile } from 'node:child_process';
import { link, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporaryDirectory.ts';
import { isPlainName, RefusedPath, RootedFiles } from './rootedFiles.ts';

const run = promisify(execFile);
const SECRET = 'what lies outside';

async function bed(): Promise<{ root: RootedFiles; path: string; outside: string }> {
  const directory = await temporaryDirectory('rooted');
  const [path, outside] = [join(directory.path, 'root'), join(directory.path, 'outside')];
  await mkdir(join(path, 'run', 'agent-run'), { recursive: true });
  await mkdir(outside);
  await writeFile(join(outside, 'secret.txt'), SECRET);
  await writeFile(join(path, 'run', 'run.json'), '{"run_id":"r1"}');
  const root = await RootedFiles.open(path);
  onTestFinished(async () => {
    await root.close();
    await directory.remove();
  });
  return { root, path, outside };
}

const text = async (root: RootedFiles, ...path: string[]) => (await root.read(path, 1_000))?.content.toString('utf8');

it('reads what is there, and nothing where nothing is', async () => {
  const { root } = await bed();
  expect(await text(root, 'run', 'run.json')).toBe('{"run_id":"r1"}');
  expect(await root.read(['run', 'absent'], 10)).toBeUndefined();
  expect(await root.read(['absent', 'run.json'], 10)).toBeUndefined();
  expect((await root.list(['run'], 10))?.names.sort()).toEqual(['agent-run', 'run.json']);
  expect(await root.list(['absent'], 10)).toBeUndefined();
  // Larger than the limit: its size alone; and a range of it.
  expect(await root.read(['run', 'run.json'], 4)).toMatchObject({ bytes: 15, content: Buffer.alloc(0) });
  expect((await root.readRange(['run', 'run.json'], 2, 6))?.content.toString()).toBe('run_id');
});

it.each([
  [
    'a file that is a link',
    async ({ path, outside }: Bed) => symlink(join(outside, 'secret.txt'), join(path, 'run', 'x')),
  ],
  ['a directory that is a link', async ({ path, outside }: Bed) => symlink(outside, join(path, 'run', 'x'))],
  ['a link within the root', async ({ path }: Bed) => symlink(join(path, 'run', 'run.json'), join(path, 'run', 'x'))],
  ['a dangling link', async ({ path }: Bed) => symlink('/nowhere', join(path, 'run', 'x'))],
])('refuses %s, and lists the rest', async (_name, make) => {
  const { root, path, outside } = await bed();
  await make({ path, outside });
  await expect(root.read(['run', 'x'], 1_000)).rejects.toThrow(RefusedPath);
  await expect(root.read(['run', 'x', 'secret.txt'], 1_000)).rejects.toThrow(/symbolic link/);
  await expect(root.list(['run', 'x'], 10)).rejects.toThrow(RefusedPath);
  await expect(root.facts(['run', 'x'])).rejects.toThrow(RefusedPath);
  expect(await text(root, 'run', 'run.json')).toBe('{"run_id":"r1"}');
});
type Bed = { path: string; outside: string };

it('a pipe or a device does not hang, and is not read', async () => {
  const { root, path } = await bed();
  await run('mkfifo', [join(path, 'run', 'pipe')]);
  await expect(root.read(['run', 'pipe'], 10)).rejects.toThrow(/pipe, socket or device/);
  await symlink('/dev/zero', join(path, 'run', 'zero'));
  await expect(root.read(['run', 'zero'], 10)).rejects.toThrow(RefusedPath);
  if (process.getuid?.() === 0) {
    await run('mknod', [join(path, 'run', 'device'), 'c', '1', '5']);
    await expect(root.read(['run', 'device'], 10)).rejects.toThrow(/pipe, socket or device/);
  }
});

it('a directory that is exchanged for a link while it is read never gives what lies outside', async () => {
  const { root, path, outside } = await bed();
  await writeFile(join(path, 'run', 'secret.txt'), 'inside');
  let going = true;
  const exchanging = (async () => {
    while (going) {
      await rename(join(path, 'run'), join(path, 'away'));
      await symlink(outside, join(path, 'run'));
      await rm(join(path, 'run'));
      await rename(join(path, 'away'), join(path, 'run'));
      await sleep(2);
    }
  })();
  const seen = new Set<string | undefined>();
  for (let i = 0; i < 1_500; i++) {
    seen.add(
      await text(root, 'run', 'secret.txt').catch((error: unknown) => {
        expect(error).toBeInstanceOf(RefusedPath);
        return 'refused';
      }),
    );
  }
  going = false;
  await exchanging;
  expect(seen).toContain('inside');
  expect(seen).not.toContain(SECRET);
});

it('whatever data names: what is not refused lies below the root', async () => {
  const { root, outside } = await bed();
  const hostile = fc.constantFrom(
    ...[
      '..',
      '.',
      '',
      '/',
      '../outside',
      '%2e%2e',
      '..%2f',
      'run\0',
      '\u0000',
      '..\\outside',
      'run/run.json',
      '~',
      '\ud800',
      'secret.txt',
      'run',
      'x'.repeat(300),
    ],
    outside,
    join(outside, 'secret.txt'),
  );
  const component = fc.oneof(hostile, fc.string({ unit: 'binary', maxLength: 20 }));
  await fc.assert(
    fc.asyncProperty(fc.array(component, { maxLength: 5 }), async (path) => {
      const content = await text(root, ...path).catch((error: unknown) => {
        if (!(error instanceof RefusedPath)) throw error;
        return undefined;
      });
      expect(content).not.toBe(SECRET);
      if (path.some((part) => !isPlainName(part))) expect(content).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

it('a hard link is a file as any other', async () => {
  const { root, path } = await bed();
  await link(join(path, 'run', 'run.json'), join(path, 'run', 'again.json'));
  expect(await text(root, 'run', 'again.json')).toBe('{"run_id":"r1"}');
});

it('a root that is not there, or is a file, says so', async () => {
  const { path } = await bed();
  await expect(RootedFiles.open(join(path, 'absent'))).rejects.toThrow(/ENOENT.*expected a directory/);
  await expect(RootedFiles.open(join(path, 'run', 'run.json'))).rejects.toThrow(/ENOTDIR/);
});
