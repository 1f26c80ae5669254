import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { PLUGIN_DIST } from './stage.ts';

type Chunk = readonly [ids: readonly unknown[], modules: Readonly<Record<string, (...args: unknown[]) => void>>];

/** What a chunk hands to every part of the plugin that is on the page: modules by their id. */
function modulesOf(path: string): readonly (readonly [id: string, code: string])[] {
  const page: Record<string, Chunk[]> = {};
  runInNewContext(readFileSync(join(PLUGIN_DIST, path), 'utf8'), { self: page });
  return Object.values(page)
    .flat()
    .flatMap(([, modules]) => Object.entries(modules).map(([id, code]) => [id, code.toString()] as const));
}

/** The names that a module exports, as they are on the page. The code itself differs in the names of variables. */
function exportsOf(code: string): string {
  const names = /\.d\(\w+,\{([^}]*)\}/.exec(code)?.[1] ?? '';
  return names
    .split(',')
    .map((name) => name.split(':')[0])
    .sort()
    .join(' ');
}

it('a module exports the same in every chunk: whichever comes first is the module of app, data source and panels', () => {
  const chunks = readdirSync(join(PLUGIN_DIST, 'chunks')).filter((path) => path.endsWith('.js'));
  const found = new Map<string, Set<string>>();
  let copies = 0;
  for (const [id, code] of chunks.flatMap((path) => modulesOf(join('chunks', path)))) {
    copies += 1;
    found.set(id, (found.get(id) ?? new Set()).add(exportsOf(code)));
  }
  expect(copies).toBeGreaterThan(found.size);
  expect([...found].filter(([, ways]) => ways.size > 1).map(([id, ways]) => ({ id, ways: [...ways] }))).toEqual([]);
});
