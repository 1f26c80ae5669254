import type { ENDED as Ended } from './seriesBook.ts';
import { ENDED } from './seriesBook.ts';

// Remote write 1.0: a snappy block of a protobuf message WriteRequest. Written here since it is three messages with one shape, and
// a snappy block may consist of literals alone (https://prometheus.io/docs/concepts/remote_write_spec/,
// https://github.com/google/snappy/blob/main/format_description.txt).

const STALE_NAN = 0x7ff0000000000002n;
const LITERAL_MAX = 65_536;

export interface SentSeries {
  readonly labels: readonly (readonly [string, string])[];
  readonly times: readonly number[];
  readonly values: readonly (number | typeof Ended)[];
}

class Bytes {
  buffer = Buffer.allocUnsafe(1 << 20);
  length = 0;

  room(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + more));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  varint(value: number): void {
    this.room(10);
    let rest = value;
    while (rest >= 128) {
      this.buffer[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.length++] = rest;
  }

  text(tag: number, text: string): void {
    const bytes = Buffer.byteLength(text);
    this.varint(tag);
    this.varint(bytes);
    this.room(bytes);
    this.length += this.buffer.write(text, this.length, 'utf8');
  }

  sample(value: number | typeof Ended, time: number): void {
    this.room(24);
    // Field 2 of TimeSeries: a Sample of a double (field 1) and a time (field 2).
    this.buffer[this.length++] = 0x12;
    const sizeAt = this.length++;
    this.buffer[this.length++] = 0x09;
    if (value === ENDED) this.buffer.writeBigUInt64LE(STALE_NAN, this.length);
    else this.buffer.writeDoubleLE(value, this.length);
    this.length += 8;
    this.buffer[this.length++] = 0x10;
    this.varint(time);
    this.buffer[sizeAt] = this.length - sizeAt - 1;
  }

  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length);
    this.buffer = Buffer.allocUnsafe(1 << 20);
    this.length = 0;
    return taken;
  }
}

function encode(series: readonly SentSeries[]): Buffer {
  const request = new Bytes();
  const one = new Bytes();
  const label = new Bytes();
  for (const { labels, times, values } of series) {
    one.length = 0;
    for (const [name, value] of labels) {
      label.length = 0;
      label.text(0x0a, name);
      label.text(0x12, value);
      one.varint(0x0a);
      one.varint(label.length);
      one.room(label.length);
      label.buffer.copy(one.buffer, one.length, 0, label.length);
      one.length += label.length;
    }
    times.forEach((time, i) => {
      one.sample(values[i] as number | typeof Ended, time);
    });
    request.varint(0x0a);
    request.varint(one.length);
    request.room(one.length);
    one.buffer.copy(request.buffer, request.length, 0, one.length);
    request.length += one.length;
  }
  return snappyOf(request.take());
}

/** A snappy block without compression. */
function snappyOf(plain: Buffer): Buffer {
  const block = new Bytes();
  block.varint(plain.length);
  for (let at = 0; at < plain.length; at += LITERAL_MAX) {
    const length = Math.min(LITERAL_MAX, plain.length - at);
    block.room(length + 3);
    // A literal whose length - 1 stands in the two bytes that follow.
    block.buffer[block.length++] = 61 << 2;
    block.buffer.writeUInt16LE(length - 1, block.length);
    block.length += 2;
    plain.copy(block.buffer, block.length, at, at + length);
    block.length += length;
  }
  return block.take();
}

/** Writes samples into a Prometheus that runs with --web.enable-remote-write-receiver. */
export async function remoteWrite(url: string, series: readonly SentSeries[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    },
    body: new Uint8Array(encode(series)),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`Prometheus refused samples (${response.status}): ${answer}`);
}
