import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompressBody, eventBytes, readJsonBody, readNdjsonBody } from './readBody.ts';

const bytes = Buffer.from('{"events":[]}');

describe('decompressBody', () => {
  it('hands on what is not packed, and unpacks gzip, also of several members', async () => {
    expect(await decompressBody(bytes, undefined, 5)).toBe(bytes);
    expect(await decompressBody(bytes, 'Identity', 5)).toBe(bytes);
    for (const name of ['gzip', 'x-gzip', ' GZip '])
      expect(await decompressBody(gzipSync(bytes), name, 100)).toEqual(bytes);
    const members = Buffer.concat([gzipSync(bytes.subarray(0, 5)), gzipSync(bytes.subarray(5))]);
    expect(await decompressBody(members, 'gzip', 100)).toEqual(bytes);
  });

  it('refuses what unpacks to more, to the byte', async () => {
    const packed = gzipSync(bytes);
    expect(await decompressBody(packed, 'gzip', bytes.length)).toEqual(bytes);
    await expect(decompressBody(packed, 'gzip', bytes.length - 1)).rejects.toMatchObject({ statusCode: 413 });
  });

  it('refuses what is broken or packed in another way', async () => {
    await expect(decompressBody(bytes, 'gzip', 100)).rejects.toMatchObject({ statusCode: 400, code: 'bad_gzip' });
    await expect(decompressBody(Buffer.alloc(0), 'gzip', 100)).rejects.toMatchObject({ statusCode: 400 });
    await expect(decompressBody(gzipSync(bytes), 'gzip, gzip', 100)).rejects.toMatchObject({ statusCode: 415 });
  });
});

it('lines: empty ones are passed over, broken ones keep their place', () => {
  expect(readNdjsonBody('\n{"a":1}\r\n \n{"a"\n[2]')).toEqual([
    { value: { a: 1 }, line: '{"a":1}\r' },
    { malformed: expect.stringMatching(/^not valid JSON: /) },
    { value: [2], line: '[2]' },
  ]);
  expect(readNdjsonBody('')).toEqual([]);
});

it('JSON: anything but an object with events is refused', () => {
  expect(readJsonBody('{"events":[null,{}],"more":1}')).toEqual([{ value: null }, { value: {} }]);
  for (const text of ['', '[', 'null', '1', '[]', '{"events":null}'])
    expect(() => readJsonBody(text)).toThrow(expect.objectContaining({ statusCode: 400 }));
});

it('an event is measured in UTF-8 bytes; one too deep to be written out has no measure', () => {
  expect(eventBytes({ value: { a: 'ü🚀' }, line: undefined })).toBe(Buffer.byteLength('{"a":"ü🚀"}'));
  expect(eventBytes({ value: undefined, line: 'ü' })).toBe(2);
  expect(eventBytes({ value: JSON.parse(`${'['.repeat(1e5)}${']'.repeat(1e5)}`), line: undefined })).toBeUndefined();
});
