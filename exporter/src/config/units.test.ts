import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatByteSize, parseByteSize } from './byteSize.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { formatListenAddress, parseListenAddress } from './listenAddress.ts';

describe('durations', () => {
  it.each([
    ['15s', 15_000],
    ['1h30m', 5_400_000],
    ['35d', 35 * 86_400_000],
    ['500ms', 500],
    ['1w', 7 * 86_400_000],
    ['0', 0],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '15', '5 m', '1.5h', '30m1h', '-5s', '1h1h', 'm', '99999999999y'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('are read back as they were written', () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 45 }), (ms) => parseDuration(formatDuration(ms)) === ms));
  });
});

describe('sizes', () => {
  it.each([
    ['64MiB', 67_108_864],
    ['1MB', 1_000_000],
    ['1.5KiB', 1536],
    ['4096', 4096],
    ['10 kB', 10_000],
  ])('%s is %d bytes', (text, bytes) => expect(parseByteSize(text)).toBe(bytes));

  it.each(['', 'MB', '1 mb', '-1B', '1e3', '0x10', '9999999TiB'])('%j is none', (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });

  it('are read back as they were written', () => {
    fc.assert(fc.property(fc.nat(), (bytes) => parseByteSize(formatByteSize(bytes)) === bytes));
  });
});

describe('listen addresses', () => {
  it.each(['127.0.0.1:9960', ':9960', '[::1]:0', 'localhost:1', '[fe80::1%eth0]:65535'])('%s is one', (text) => {
    const address = parseListenAddress(text);
    expect(address && formatListenAddress(address)).toBe(text);
  });

  it.each(['9960', '::1:9960', 'a:65536', 'http://a:1', 'a:', 'a b:1', '[a]:1x'])('%j is none', (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  });
});
