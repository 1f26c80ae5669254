#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
// The sources run as they are: Node 24 strips the types. A published package carries dist/ instead.
import { existsSync } from 'node:fs';

const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  console.error(
    `fleetlens: found Node.js ${process.versions.node}, expected 24 or newer. Run it through npm or npx in the checkout (the npm package "node" brings Node 24), or install Node 24.`,
  );
  process.exit(1);
}
const source = new URL('../src/main.ts', import.meta.url);
await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
