import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import CopyPlugin from 'copy-webpack-plugin';
import TerserPlugin from 'terser-webpack-plugin';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const { version } = JSON.parse(readFileSync(resolve(HERE, 'package.json'), 'utf8'));
const APP_ID = 'fleetlens-fleet-app';

/** What Grafana itself provides to plugins (12.3 and later): never bundled. */
const PROVIDED_BY_GRAFANA = [
  { 'amd-module': 'module' },
  'lodash',
  'moment',
  'react',
  'react/jsx-runtime',
  'react-dom',
  'react-router',
  'rxjs',
  'i18next',
  '@emotion/css',
  '@emotion/react',
  '@grafana/data',
  '@grafana/runtime',
  '@grafana/ui',
];

/** Where the README's pictures are: in the Grafana that has the plugin, unless told; the catalogue wants an address that begins with https. */
const PICTURES_URL = process.env.PLUGIN_PICTURES_URL ?? `public/plugins/${APP_ID}/`;
/** @returns the content of the README, whose pictures are named relative to it in the repository. */
const readme = (content) => stamped(content).replaceAll('](img/', `](${PICTURES_URL}img/`);

/** @returns the content of a plugin.json or README with the version and the day of the build. */
const stamped = (content) =>
  content
    .toString()
    .replaceAll('%VERSION%', version)
    .replaceAll('%TODAY%', new Date().toISOString().slice(0, 10))
    .replaceAll('%PLUGIN_ID%', APP_ID);

export default (_env, { mode = 'production' }) => ({
  mode,
  context: resolve(HERE, 'src'),
  // A plugin.json's folder has the module that Grafana loads for it.
  entry: {
    module: './module.tsx',
    'datasource/module': './datasource/module.ts',
    'panels/rundetail/module': './panels/rundetail/module.tsx',
    'panels/sprintchain/module': './panels/sprintchain/module.tsx',
  },
  devtool: mode === 'production' ? 'source-map' : 'eval-source-map',
  externals: PROVIDED_BY_GRAFANA,
  output: {
    path: resolve(HERE, 'dist'),
    clean: true,
    filename: '[name].js',
    chunkFilename: mode === 'production' ? 'chunks/[name].[contenthash].js' : 'chunks/[name].js',
    library: { type: 'amd' },
    publicPath: `public/plugins/${APP_ID}/`,
    uniqueName: APP_ID,
    crossOriginLoading: 'anonymous',
    // As Grafana's validator of plugins knows packages from a plugin's own sources, which it compares with the repository.
    devtoolModuleFilenameTemplate: ({ namespace, resourcePath }) =>
      `webpack://${namespace}/${resourcePath.replace(/^.*\bnode_modules\//, './node_modules/')}`,
  },
  resolve: {
    extensions: ['.tsx', '.ts', '.mjs', '.js'],
    alias: { '@contract': resolve(HERE, '../exporter/src/contract') },
  },
  module: {
    rules: [
      // The runbook.
      { test: /\.md$/, type: 'asset/source' },
      {
        test: /\.tsx?$/,
        exclude: /node_modules/,
        use: {
          loader: 'swc-loader',
          options: {
            jsc: {
              target: 'es2022',
              parser: { syntax: 'typescript', tsx: true },
              // Grafana provides react/jsx-runtime alone.
              transform: { react: { runtime: 'automatic', development: false } },
            },
          },
        },
      },
    ],
  },
  optimization: {
    // App, data source and panels are loaded into one page, and a chunk that one of them loads gives its modules to all. So a module
    // must be the same in every chunk: not shorn, for a panel, of what the app uses.
    usedExports: 'global',
    minimizer: [new TerserPlugin({ extractComments: false, terserOptions: { format: { comments: false } } })],
  },
  // The size check of the tests judges what is loaded compressed; webpack's hints know raw sizes only.
  performance: { hints: false },
  plugins: [
    new CopyPlugin({
      patterns: [
        { from: '**/plugin.json', transform: stamped },
        { from: 'README.md', transform: readme },
        { from: '../../CHANGELOG.md' },
        { from: '../../LICENSE', toType: 'file', to: 'LICENSE' },
        { from: '**/img/**/*', noErrorOnMissing: true },
        { from: 'locales/**/*.json' },
        { from: '**/dashboards/*.json', noErrorOnMissing: true },
      ],
    }),
  ],
});
