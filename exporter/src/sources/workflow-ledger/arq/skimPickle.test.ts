import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skimPickle } from './skimPickle.ts';

const PYTHON = fileURLToPath(new URL('../../../../../.venv/bin/python', import.meta.url));

/** Arguments and results of every awkward kind, pickled by Python itself in each protocol. */
const PROGRAM = `
import base64, collections, datetime, decimal, enum, json, pathlib, pickle, uuid
class Colour(enum.Enum):
    RED = 1
class Point:
    def __init__(self): self.x = 1
class Slotted:
    __slots__ = ('a',)
    def __init__(self): self.a = 'slot'
class Failure(Exception):
    def __init__(self, text, code): super().__init__(text); self.code = code
    def __reduce__(self): return (Failure, (self.args[0], self.code), {'extra': [1, 2]})
class Listy(list): pass
class Dicty(dict): pass
values = [None, 2**200, -5, -2**40, 1.5, float('nan'), 'text' * 1000, b'bytes' * 1000, bytearray(b'x'), {1, 2}, frozenset({3}),
  (1,), (1, 2), (1, 2, 3), tuple(range(9)), [[], {}], {'__proto__': {'polluted': True}, 'constructor': 1, 'et': 7},
  datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), datetime.timedelta(1), decimal.Decimal('1.5'), uuid.UUID(int=2**100),
  Colour.RED, Point(), Slotted(), Failure('no', 3), ValueError('bad'), collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]),
  collections.deque([1, 2]), collections.Counter('aab'), Listy([1]), Dicty(a=1), pathlib.PurePosixPath('/a'), print, dict.fromkeys, complex(1, 2),
  range(3), slice(1, 2), list(range(5000)), {i: str(i) for i in range(3000)}]
shared = []
values.append([shared, shared])
out = []
for value in values:
    for protocol in range(2, 6):
        try:
            out.append(base64.b64encode(pickle.dumps({'t': 2, 'f': 'work', 'a': (value,), 'k': {'v': value}, 'et': 1763633817123, 's': True, 'r': value,
              'st': 1763633818000, 'ft': 1763633819999, 'q': 'arq:queue', 'id': 'abc'}, protocol)).decode())
        except Exception as e:
            raise SystemExit(f'{value!r}: {e}')
print(json.dumps(out))
`;

const FACTS = {
  enqueuedMs: 1763633817123,
  startedMs: 1763633818000,
  finishedMs: 1763633819999,
  succeeded: true,
  tries: 2,
  queue: 'arq:queue',
};

describe('skimPickle', () => {
  it('reads times and outcome beside whatever Python can pickle, and touches no prototype', () => {
    const pickles = JSON.parse(
      execFileSync(PYTHON, ['-c', PROGRAM], { encoding: 'utf8', maxBuffer: 64 << 20 }),
    ) as string[];
    expect(pickles.length).toBeGreaterThan(150);
    for (const pickle of pickles) expect(skimPickle(Buffer.from(pickle, 'base64'))).toEqual(FACTS);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('is undefined for any other bytes, and never throws or hangs', () => {
    const pickle = Buffer.from(
      execFileSync(PYTHON, [
        '-c',
        "import pickle,sys; sys.stdout.buffer.write(pickle.dumps({'f': 1, 'et': 5, 'a': [1, {2: 3}]}))",
      ]),
    );
    expect(skimPickle(pickle)).toEqual({});
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const facts = skimPickle(bytes);
        return facts === undefined || typeof facts === 'object';
      }),
      { numRuns: 2_000 },
    );
    // Damaged in one place: the opcodes are real ones, in an order that makes no sense.
    fc.assert(
      fc.property(fc.nat(pickle.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(pickle);
        damaged[at] = byte;
        const facts = skimPickle(damaged);
        return facts === undefined || typeof facts === 'object';
      }),
      { numRuns: 2_000 },
    );
    for (let end = 0; end < pickle.length; end++) expect(skimPickle(pickle.subarray(0, end))).toBeUndefined();
  });
});
