import { expect, it } from 'vitest';
import { componentOf } from './componentOf.ts';

const stack = (...frames: string[]) => ['Error: boom', ...frames.map((frame) => `    at ${frame}`)].join('\n');

it.each<[string, string | undefined]>([
  [stack('handlePush (/app/dist/index.js:1:1)'), 'handlePush'],
  [stack('async Object.handlePush [as run] (/app/dist/index.js:1:1)'), 'handlePush'],
  [stack('run (/app/dist/usecases/handlePush.js:1:1)'), 'handlePush'],
  [stack('helper (/app/dist/helper.js:1:1)', 'handlePush (/app/dist/index.js:9:1)'), 'handlePush'],
  [stack('new Runner (/app/dist/index.js:1:1)', 'later (/app/dist/later.js:1:1)'), 'Runner'],
  [stack('Object.<anonymous> (/app/dist/runner.js:1:1)'), 'runner'],
  [stack('file:///app/dist/runner.mjs:1:1'), 'runner'],
  [stack('anonymous (/app/dist/runner.js:1:1)'), 'runner'],
  [stack('get (/app/node_modules/octokit/index.js:1:1)', 'own (/app/dist/own.js:1:1)'), 'own'],
  [stack('process (node:internal/process/task_queues:1:1)', 'own (/app/dist/own.js:1:1)'), 'own'],
  [stack('get (/app/node_modules/octokit/index.js:1:1)'), undefined],
  ['boom', undefined],
])('%j comes from %s', (text, component) => {
  expect(componentOf({}, undefined, text)).toBe(component);
});

it.each(['handler', 'component', 'stage', 'usecase', 'module', 'context'])(
  'what a line names as %s comes first',
  (name) => {
    const from = stack('handlePush (/app/dist/index.js:1:1)');
    expect(componentOf({ [name]: 'usecases/github/deploy.ts' }, 'db', from)).toBe('deploy');
    expect(componentOf({ tags: { [name]: 'deploy' } }, 'db', from)).toBe('deploy');
    expect(componentOf({ [name]: 'global', tags: 'none' }, 'db', from)).toBe('db');
    expect(componentOf({ [name]: 'two words' }, undefined, from)).toBe('handlePush');
  },
);
