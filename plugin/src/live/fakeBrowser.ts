import type { ChangeEvent, ChangesAnswer, StreamEvent } from '@contract/live.ts';
import { formatPosition } from '@contract/topics.ts';
import { ApiFailure } from '../api/ApiFailure';
import type { FleetApi, Parameters } from '../api/FleetApi';
import type { LiveSurroundings } from './LiveHub';
import { LiveHub } from './LiveHub';

/** The exporter's stream as the contract describes it, on a list of commits; and a browser with several tabs. For tests. */
export class FakeExporter {
  /** Commit -> what it changed. */
  readonly commits: { readonly topics: readonly string[]; readonly name: string }[] = [];
  readonly streams: FakeStream[] = [];
  /** Answers nothing: connections are refused, and open ones were cut. */
  isDown = false;
  hasStreams = true;
  readonly forbidden = new Set<string>();
  /** Changes up to this commit are not kept. */
  keptFrom = 0;
  asked = 0;

  get head(): number {
    return this.commits.length;
  }

  change(name: string, ...topics: string[]): void {
    this.commits.push({ name, topics });
    for (const stream of [...this.streams]) stream.tellOn();
  }

  cut(): void {
    for (const stream of [...this.streams]) stream.fail();
  }

  parse(parameter: string): Map<string, number | undefined> {
    const read = parameter.split(',').map((text) => {
      const [topic = '', from] = text.split('@');
      return [topic, from === undefined ? undefined : Math.floor(Number(from))] as const;
    });
    return new Map(read);
  }

  /** What comes after the places; where to go on from. */
  eventsOf(topics: ReadonlyMap<string, number | undefined>, after: number): ChangeEvent[] {
    return this.commits.flatMap(({ name, topics: changed }, i) => {
      const seq = i + 1;
      const ours = changed.filter((topic) => topics.has(topic) && seq > (topics.get(topic) ?? after));
      if (seq <= after || ours.length === 0) return [];
      const id = formatPosition({ seq, index: 0 });
      return [{ id, event: 'list', data: { topics: ours, at: name } } as ChangeEvent];
    });
  }

  beginOf(topics: ReadonlyMap<string, number | undefined>): { from: number; isLost: boolean } {
    const known = [...topics.values()].filter((place) => place !== undefined);
    const from = known.length === 0 ? this.head : Math.min(...known);
    return from < this.keptFrom ? { from: this.head, isLost: true } : { from, isLost: false };
  }

  readonly api = {
    url: (path: string, { topics = '' }: Parameters = {}) => `http://fleet${path}?topics=${topics}`,
    get: async (_path: string, { topics }: Parameters): Promise<ChangesAnswer> => {
      this.asked++;
      await Promise.resolve();
      if (this.isDown) throw new ApiFailure(503, undefined);
      const asked = this.parse(String(topics));
      const refused = [...asked.keys()].find((topic) => this.forbidden.has(topic));
      if (refused !== undefined) throw new ApiFailure(403, { error: { message: `found ${refused}` } });
      const { from, isLost } = this.beginOf(asked);
      const reset: ChangeEvent = {
        event: 'reset',
        data: { topics: [...asked.keys()], reason: 'too_old', message: '' },
      };
      return {
        position: String(this.head),
        more: false,
        events: isLost ? [reset] : this.eventsOf(asked, from),
      };
    },
  } as unknown as FleetApi;
}

export class FakeStream extends EventTarget {
  onerror: (() => void) | null = null;
  readonly #exporter: FakeExporter;
  readonly #topics: Map<string, number | undefined>;
  #told = 0;
  #isOpen = false;

  constructor(exporter: FakeExporter, url: string) {
    super();
    this.#exporter = exporter;
    this.#topics = exporter.parse(url.slice(url.indexOf('topics=') + 7));
    exporter.streams.push(this);
    queueMicrotask(() => this.#open());
  }

  get topics(): readonly string[] {
    return [...this.#topics.keys()];
  }

  #open(): void {
    const exporter = this.#exporter;
    if (!exporter.streams.includes(this)) return;
    const isRefused = this.topics.some((topic) => exporter.forbidden.has(topic));
    if (exporter.isDown || !exporter.hasStreams || isRefused) {
      this.fail();
      return;
    }
    const { from, isLost } = exporter.beginOf(this.#topics);
    this.#told = from;
    if (isLost) {
      const data = { topics: [...this.topics], reason: 'too_old' as const, message: '' };
      this.#tell({ event: 'reset', data });
      for (const topic of this.topics) this.#topics.set(topic, undefined);
    }
    this.#isOpen = true;
    this.#tell({
      id: String(from),
      event: 'ready',
      data: { position: String(from), topics: [...this.topics], heartbeatSeconds: 15 },
    });
    this.tellOn();
  }

  tellOn(): void {
    if (!this.#isOpen) return;
    const events = this.#exporter.eventsOf(this.#topics, this.#told);
    this.#told = this.#exporter.head;
    for (const event of events) this.#tell(event);
  }

  heartbeat(): void {
    this.#tell({ id: String(this.#told), event: 'heartbeat', data: {} });
  }

  tellClosing(): void {
    this.#tell({ event: 'closing', data: { reason: 'renew' } });
  }

  #tell({ id = '', event, data }: StreamEvent): void {
    this.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data), lastEventId: id }));
  }

  fail(): void {
    this.#remove();
    this.onerror?.();
  }

  close(): void {
    this.#remove();
  }

  #remove(): void {
    this.#isOpen = false;
    const at = this.#exporter.streams.indexOf(this);
    if (at >= 0) this.#exporter.streams.splice(at, 1);
  }
}

/** Locks and channels that all tabs of a browser share. */
export class FakeBrowser {
  readonly #exporter: FakeExporter;
  readonly #channels = new Set<FakeChannel>();
  #queue: { run(): Promise<unknown>; isGivenUp(): boolean }[] = [];
  #isHeld = false;
  #lose: ((reason: Error) => void) | undefined;

  constructor(exporter: FakeExporter) {
    this.#exporter = exporter;
  }

  /** A tab of its own: its hub shares with the others what tabs share. */
  tab({ isSecure = true } = {}): LiveHub {
    const exporter = this.#exporter;
    const source = class extends FakeStream {
      constructor(url: string) {
        super(exporter, url);
      }
    };
    const surroundings: LiveSurroundings = {
      EventSource: source as unknown as typeof EventSource,
      locks: isSecure ? this.#locks : undefined,
      channel: isSecure ? () => new FakeChannel(this.#channels) as unknown as BroadcastChannel : undefined,
    };
    return new LiveHub(exporter.api, surroundings);
  }

  readonly #locks = {
    request: (_name: string, options: { signal?: AbortSignal; steal?: boolean }, hold: () => Promise<void>) =>
      new Promise((resolve, reject) => {
        const { signal, steal } = options;
        const run = () => {
          this.#lose = reject;
          return Promise.resolve(hold());
        };
        signal?.addEventListener('abort', () => reject(signal.reason));
        const isGivenUp = () => signal?.aborted === true;
        if (steal === true) {
          this.#lose?.(new Error('stolen'));
          this.#isHeld = false;
          this.#queue.unshift({ run: () => run().then(resolve), isGivenUp });
        } else this.#queue.push({ run: () => run().then(resolve), isGivenUp });
        this.#grant();
      }),
  } as unknown as LockManager;

  #grant(): void {
    queueMicrotask(() => {
      if (this.#isHeld) return;
      const next = this.#queue.shift();
      if (next === undefined) return;
      if (next.isGivenUp()) {
        this.#grant();
        return;
      }
      this.#isHeld = true;
      void next.run().then(() => {
        this.#isHeld = false;
        this.#grant();
      });
    });
  }
}

class FakeChannel {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly #all: Set<FakeChannel>;

  constructor(all: Set<FakeChannel>) {
    this.#all = all;
    all.add(this);
  }

  postMessage(data: unknown): void {
    const text = JSON.stringify(data);
    for (const other of this.#all) {
      if (other === this) continue;
      queueMicrotask(() => {
        if (this.#all.has(other)) other.onmessage?.({ data: JSON.parse(text) });
      });
    }
  }

  close(): void {
    this.#all.delete(this);
  }
}
