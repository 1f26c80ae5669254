import { expect, it } from 'vitest';
import { metricsSource } from './metricsSource.ts';

const sources = (...list: [string, string][]) => list.map(([name, type]) => ({ name, type })) as never;
const found = (list: [string, string][], metrics_source: string, allowed?: string[]) =>
  metricsSource({ sources: sources(...list), compatible: { metrics_source } }, allowed);
const TWO: [string, string][] = [
  ['a', 'gittinkerer'],
  ['logs', 'pino-logs'],
  ['b', 'gittinkerer'],
];

it.each([
  ['none is configured: that of the setting', [], 'tinker', undefined, { name: 'tinker', isPolled: false }],
  ['another type has its name', [['tinker', 'github']], 'tinker', undefined, { name: 'tinker', isPolled: true }],
  ['the first', TWO, 'tinker', undefined, { name: 'a', isPolled: true }],
  ['the one that is named', TWO, 'b', undefined, { name: 'b', isPolled: true }],
  ['the first that the token may push for', TWO, 'a', ['b'], { name: 'b', isPolled: true }],
  ['none that the token may push for', TWO, 'a', ['logs'], undefined],
] as [string, [string, string][], string, string[] | undefined, object | undefined][])(
  'metrics are those of %s',
  (_what, list, named, allowed, source) => {
    expect(found(list, named, allowed)).toEqual(source);
  },
);
