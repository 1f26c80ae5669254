#!/usr/bin/env -S node --disable-warning=ExperimentalWarning --max-semi-space-size=16 --no-parallel-scavenge --heap-growing-percent=100
// Memory: left alone, V8 lets garbage grow to 370 MB while events pour in. A young generation of 16 MB and an old one that is
// collected when it has doubled hold the process at 220 MB, for a tenth more CPU (`npm run bench -- --only ingest`).
// The young one is collected by one thread: on two cores that Postgres needs too, helpers took a tenth of all CPU more.
// The sources run as they are: Node 24 strips the types. A published package carries dist/ instead.
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  console.error(
    `fleetlens: found Node.js ${process.versions.node}, expected 24 or newer. Run it through npm or npx in the checkout (the npm package "node" brings Node 24), or install Node 24.`,
  );
  process.exit(1);
}
// What was compiled is kept, which halves the time to start; beside the package, where only who may change its code may write, or not at all.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url)));
const source = new URL('../src/main.ts', import.meta.url);
await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
