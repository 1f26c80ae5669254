import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { PLUGIN_DIST } from './stage.ts';

const KB = 1_000;
const scripts = readdirSync(PLUGIN_DIST, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
const sizeOf = (path: string) => readFileSync(join(PLUGIN_DIST, path)).length;
const gzippedSizeOf = (path: string) => gzipSync(readFileSync(join(PLUGIN_DIST, path))).length;

describe('the built plugin', () => {
  it('has little to load before a page is opened', () => {
    const modules = scripts.filter((path) => path.endsWith('module.js'));
    expect(modules).toHaveLength(4);
    expect(modules.filter((path) => sizeOf(path) > 60 * KB)).toEqual([]);
  });

  it('has no chunk that is slow to load', () => {
    const chunks = scripts.filter((path) => !path.endsWith('module.js'));
    expect(chunks.length).toBeGreaterThan(3);
    expect(chunks.filter((path) => gzippedSizeOf(path) > 300 * KB)).toEqual([]);
  });

  it('does not carry the validator of the exporter’s contract', () => {
    expect(scripts.filter((path) => readFileSync(join(PLUGIN_DIST, path), 'utf8').includes('ZodError'))).toEqual([]);
  });
});
