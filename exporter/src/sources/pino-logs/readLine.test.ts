import { expect, it } from 'vitest';
import { levelName, readLine } from './readLine.ts';
import { readPushedLine } from './readPushedLine.ts';

const MS = Date.parse('2026-01-07T14:32:15.000Z');
const AT = '2026-01-07T14:32:15.000Z';
const UNKNOWN = { level: undefined, at: undefined, tag: undefined, fields: {} };

it.each<[string, object | undefined]>([
  ['  ', undefined],
  ['{"level":50,"msg":"cut of', undefined],
  ['hello', { ...UNKNOWN, message: 'hello' }],
  ['\u001b[31m[Redis] gone\u001b[0m', { ...UNKNOWN, tag: 'redis', message: 'gone' }],
  ['[1] no tag', { ...UNKNOWN, message: '[1] no tag' }],
  ['{"msg":"[db] a"}', { ...UNKNOWN, tag: 'db', message: 'a', fields: { msg: '[db] a' } }],
  ['{"message":"b"}', { ...UNKNOWN, message: 'b', fields: { message: 'b' } }],
  ['{"other":1}', { ...UNKNOWN, message: '', fields: { other: 1 } }],
])('%j is read as %j', (text, line) => {
  expect(readLine(text)).toEqual(line);
});

it.each<[object, object]>([
  [{ time: MS }, { at: AT }],
  [{ time: MS + 0.9 }, { at: AT }],
  [{ time: AT }, { at: AT }],
  [{ timestamp: AT }, { at: AT }],
  [{ time: 0 }, { at: undefined }],
  [{ time: 1e20 }, { at: undefined }],
  [{ time: true }, { at: undefined }],
  [{ level: 35 }, { level: 35 }],
  [{ level: '35' }, { level: 35 }],
  [{ level: 'loud' }, { level: undefined }],
  [{ level: true }, { level: undefined }],
])('%j has %j', (fields, read) => {
  expect(readLine(JSON.stringify(fields))).toMatchObject(read);
});

it.each([
  ['trace', 10, 'trace'],
  ['debug', 20, 'debug'],
  ['info', 30, 'info'],
  ['warn', 40, 'warn'],
  ['WARNING', 40, 'warn'],
  ['error', 50, 'error'],
  ['fatal', 60, 'fatal'],
])('the level %s is %i, and told as %s', (word, level, name) => {
  expect(readLine(JSON.stringify({ level: word }))?.level).toBe(level);
  expect(levelName(level)).toBe(name);
});

it.each<[string, object, object]>([
  ['pino', { level: 50, time: MS, msg: 'a' }, { level: 50, at: AT, message: 'a' }],
  ['pino, with a message of its own', { level: 50, time: MS, log: 'b' }, { level: 50, at: AT, message: '' }],
  ['Fluent Bit', { date: MS / 1000, log: '{"level":50,"msg":"c"}' }, { level: 50, at: AT, message: 'c' }],
  ['Fluent Bit, with RFC 3339', { date: AT, log: '[db] d' }, { level: undefined, at: AT, tag: 'db', message: 'd' }],
  ['Vector', { timestamp: AT, message: '{"level":50,"msg":"e"}' }, { level: 50, at: AT, message: 'e' }],
  [
    'Vector, of a line with a time',
    { timestamp: '2026-01-07T15:00:00Z', message: `{"time":${MS},"msg":"f"}` },
    { at: AT, message: 'f' },
  ],
])('a line is read of %s', (_who, pushed, line) => {
  expect(readPushedLine(JSON.stringify(pushed))).toMatchObject({ line });
});

it.each([
  ['{', /not valid JSON/],
  ['3', /expected an object with a time, found 3/],
  [JSON.stringify({ date: 1, log: '{"level":50' }), /cut off/],
  [JSON.stringify({ level: 50, msg: 'a' }), /expected a time/],
  [JSON.stringify({ date: -1, msg: 'a' }), /expected a time/],
  [JSON.stringify({ date: 1e14, msg: 'a' }), /expected a time/],
])('%s is refused', (text, reason) => {
  expect(readPushedLine(text)).toEqual({ rejected: expect.stringMatching(reason) });
});
