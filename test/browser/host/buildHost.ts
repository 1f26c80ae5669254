import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** A front end of Grafana: the folder whose dependencies it is made of. */
export const LANES = {
  '13': join(HERE, '../../../plugin'),
  '12': join(HERE, '../grafana-12'),
} as const;
export type Lane = keyof typeof LANES;

/** Bundles the host page from a lane's packages. `directory` gets host.js with its chunks, host.css and SystemJS. */
export async function buildHost(lane: Lane, directory: string): Promise<void> {
  const root = LANES[lane];
  const require = createRequire(join(root, 'package.json'));
  const runtime = join(dirname(require.resolve('@grafana/runtime/package.json')), 'dist/esm/components');
  await mkdir(directory, { recursive: true });
  await build({
    entryPoints: { host: join(HERE, 'host.tsx') },
    outdir: directory,
    bundle: true,
    // As Grafana's own build: what is imported when it is needed stays apart.
    format: 'esm',
    splitting: true,
    minify: true,
    target: 'es2022',
    jsx: 'automatic',
    conditions: ['import', 'module', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    // `define` hides AMD from UMD packages, which would else register with SystemJS instead of being bundled.
    define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window', define: 'undefined' },
    loader: { '.svg': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl', '.png': 'dataurl' },
    plugins: [packagesOf(root, runtime), bundlerInterop],
    logLevel: 'error',
  });
  const system = createRequire(import.meta.url);
  await copyFile(system.resolve('systemjs/dist/system.js'), join(directory, 'system.js'));
  await copyFile(system.resolve('systemjs/dist/extras/amd.js'), join(directory, 'amd.js'));
}

/** The host's own imports, and everybody's React, come from the lane's folder; other packages find each other by themselves. */
function packagesOf(root: string, runtime: string): Plugin {
  return {
    name: 'packages-of-lane',
    setup(builder) {
      builder.onResolve({ filter: /^runtime-components\// }, ({ path, kind }) =>
        builder.resolve(`./${path.slice('runtime-components/'.length)}.mjs`, { resolveDir: runtime, kind }),
      );
      builder.onResolve({ filter: /^[^./]/ }, ({ path, importer, kind, pluginData }) => {
        const isOfLane = importer.startsWith(HERE) || /^react(-dom)?(\/|$)/.test(path);
        if (!isOfLane || pluginData === 'of-lane') return undefined;
        return builder.resolve(path, { resolveDir: root, kind, pluginData: 'of-lane' });
      });
    },
  };
}

/**
 * Grafana's .mjs files import CommonJS packages by default. esbuild gives such an importer module.exports, as Node.js does, where
 * Grafana's own bundler gives module.exports.default: so those imports go through a file that is no .mjs.
 */
const bundlerInterop: Plugin = {
  name: 'bundler-interop',
  setup(builder) {
    builder.onResolve({ filter: /^[^./]/ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      const isOurs = pluginData === 'interop' || !importer.endsWith('.mjs') || kind !== 'import-statement';
      if (isOurs) return undefined;
      const found = await builder.resolve(path, { resolveDir, importer, kind, pluginData: 'interop' });
      if (found.errors.length > 0 || found.external || !/\.c?js$/.test(found.path)) return found;
      const source = await readFile(found.path, 'utf8');
      const isEsModule = /^\s*(export|import)\s/m.test(source);
      if (isEsModule || !source.includes('__esModule')) return found;
      return { path: found.path, namespace: 'interop' };
    });
    builder.onLoad({ filter: /.*/, namespace: 'interop' }, ({ path }) => ({
      loader: 'js',
      resolveDir: dirname(path),
      contents: `export * from ${JSON.stringify(path)}; export { default } from ${JSON.stringify(path)};`,
    }));
  },
};
