import type { ChangeEvent } from '@contract/live.ts';
import { isAfter, parsePosition } from '@contract/topics.ts';
import type { FleetApi } from '../api/FleetApi';
import { type ConnectionTimes, LiveConnection } from './LiveConnection';
import {
  IDLE,
  type LiveEvent,
  type LiveMessage,
  type LiveStatus,
  type Places,
  type Subscriptions,
} from './liveMessages';
import { advance, covers, furthest, isFurther, unitePlaces } from './livePlaces';

/** What of the browser a hub needs; tests bring their own. */
export interface LiveSurroundings {
  readonly EventSource: typeof EventSource | undefined;
  /** Among tabs; undefined where the page has none (a plain http address): then this page asks by itself. */
  readonly locks: LockManager | undefined;
  readonly channel: ((name: string) => BroadcastChannel) | undefined;
  readonly times?: ConnectionTimes;
}

interface Subscription {
  readonly topics: readonly string[];
  readonly listener: (event: LiveEvent) => void;
  /** What is behind, by topic; null: it began without a place and was told nothing yet. */
  places: Record<string, string | null>;
  /** The leader tells it everything after its places. */
  isAccepted: boolean;
}

interface Member {
  subscriptions: Subscriptions;
  /** Its subscriptions that are told everything. */
  readonly accepted: Set<string>;
}

/** Changes of one page that come together are one change of the stream. */
const GATHER_MS = 60;
/** Topics that nobody follows any more cost little: the stream is not connected again at once. */
const FORGET_MS = 3_000;
/** A page that nobody sees follows nothing after so long, … */
const HIDDEN_MS = 60_000;
/** … and reads anew what it shows rather than catch up, when it was away for longer. */
const AWAY_MS = 300_000;
/** A leader says something at least as often as the server; one that does not is frozen with its tab. */
const LEADER_SILENCE_MS = 50_000;
const LOOK_MS = 15_000;

/**
 * One stream for everything that the parts of a page follow, and for all tabs of the browser: browsers allow six connections to a
 * host. Who holds the lock leads; when its tab is closed the next one gets it and goes on from where the members are.
 */
export class LiveHub {
  readonly #id = uniqueId();
  readonly #surroundings: LiveSurroundings;
  readonly #api: FleetApi;
  readonly #name: string;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #statusListeners = new Set<() => void>();
  #channel: BroadcastChannel | undefined;
  #connection: LiveConnection | undefined;
  #status = IDLE;
  /** All that came up to there was told. */
  #position: string | null = null;
  #count = 0;
  #isOpen = false;
  #leave: (() => void) | undefined;
  #followTimer: ReturnType<typeof setTimeout> | undefined;
  #lookTimer: ReturnType<typeof setInterval> | undefined;
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  #hiddenAt: number | undefined;
  #isAway = false;
  #heardAt = 0;
  // Of the leader:
  readonly #members = new Map<string, Member>();
  #streamed = new Set<string>();
  #begun = false;
  #told: string | null = null;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #refused = new Set<string>();

  constructor(api: FleetApi, surroundings: LiveSurroundings) {
    this.#api = api;
    this.#surroundings = surroundings;
    this.#name = `fleetlens-live ${api.url('')}`;
  }

  get status(): LiveStatus {
    return this.#status;
  }

  onStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /**
   * Follows topics until the returned function is called.
   * @param from what is behind already (the `position` of a page of output); absent: what is shown may be older than what is told
   *   first, and then the listener hears that it missed something
   */
  subscribe(topics: readonly string[], listener: (event: LiveEvent) => void, from?: string): () => void {
    const id = `${this.#id}/${++this.#count}`;
    // What is fetched from now on is of a later moment than what was told last.
    const place = from ?? this.#position;
    const places = Object.fromEntries(topics.map((topic) => [topic, place]));
    this.#subscriptions.set(id, { topics, listener, places, isAccepted: false });
    this.#open();
    this.#followSoon();
    return () => {
      this.#subscriptions.delete(id);
      this.#followSoon();
    };
  }

  // A member: it follows through whoever leads.

  #open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    document.addEventListener('visibilitychange', this.#onVisibility);
    window.addEventListener('pagehide', this.#onPageHide);
    window.addEventListener('pageshow', this.#onPageShow);
    this.#join();
  }

  #join(): void {
    const { locks, channel } = this.#surroundings;
    if (locks === undefined || channel === undefined) {
      this.#lead(false);
      return;
    }
    this.#channel = channel(this.#name);
    this.#channel.onmessage = ({ data }: MessageEvent<LiveMessage>) => this.#take(data);
    this.#heardAt = Date.now();
    this.#requestLead(locks, false);
    clearInterval(this.#lookTimer);
    this.#lookTimer = setInterval(() => {
      const isSilent = Date.now() - this.#heardAt > LEADER_SILENCE_MS && this.#subscriptions.size > 0;
      if (this.#connection === undefined && isSilent && document.visibilityState === 'visible') {
        this.#heardAt = Date.now();
        this.#requestLead(locks, true);
      }
    }, LOOK_MS);
  }

  #requestLead(locks: LockManager, steal: boolean): void {
    this.#leave?.();
    const waiting = new AbortController();
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    this.#leave = () => {
      waiting.abort();
      leave();
    };
    const lead = () => {
      if (waiting.signal.aborted) return;
      this.#lead(true);
      return left;
    };
    const held = steal
      ? locks.request(this.#name, { steal }, lead)
      : locks.request(this.#name, { signal: waiting.signal }, lead);
    held.catch(() => {
      // Given up, or taken over by a tab that heard nothing of this one.
      if (waiting.signal.aborted) return;
      this.#stopLeading();
      this.#requestLead(locks, false);
    });
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#send({ type: 'leave', from: this.#id });
    document.removeEventListener('visibilitychange', this.#onVisibility);
    window.removeEventListener('pagehide', this.#onPageHide);
    window.removeEventListener('pageshow', this.#onPageShow);
    this.#part();
    this.#isAway = false;
    this.#position = null;
    this.#setStatus(IDLE);
  }

  #part(): void {
    clearInterval(this.#lookTimer);
    clearTimeout(this.#followTimer);
    clearTimeout(this.#hiddenTimer);
    this.#stopLeading();
    this.#leave?.();
    this.#leave = undefined;
    this.#channel?.close();
    this.#channel = undefined;
  }

  #followSoon(): void {
    clearTimeout(this.#followTimer);
    const ms = this.#subscriptions.size === 0 ? FORGET_MS : GATHER_MS;
    this.#followTimer = setTimeout(() => {
      if (this.#subscriptions.size === 0) this.#close();
      else this.#tellFollowed();
    }, ms);
  }

  #tellFollowed(): void {
    const followed = this.#isAway ? [] : [...this.#subscriptions].map(([id, { places }]) => [id, { ...places }]);
    this.#send({ type: 'follow', from: this.#id, subscriptions: Object.fromEntries(followed) });
  }

  #send(message: LiveMessage): void {
    this.#channel?.postMessage(message);
    this.#take(message);
  }

  #take(message: LiveMessage): void {
    switch (message.type) {
      case 'follow':
        this.#noteMember(message.from, message.subscriptions);
        return;
      case 'leave':
        if (this.#members.delete(message.from)) this.#connectSoon(FORGET_MS);
        return;
      default:
        this.#heardAt = Date.now();
        this.#takeFromLeader(message);
    }
  }

  #takeFromLeader(message: Exclude<LiveMessage, { type: 'follow' | 'leave' }>): void {
    switch (message.type) {
      case 'leader':
        for (const subscription of this.#subscriptions.values()) subscription.isAccepted = false;
        this.#tellFollowed();
        return;
      case 'accept':
        for (const [id, places] of Object.entries(message.subscriptions)) this.#beAccepted(id, places);
        return;
      case 'event':
        this.#deliver(message.event);
        return;
      case 'status':
        this.#setStatus(message.status);
        if (message.position !== null) this.#moveTo(message.position);
    }
  }

  #beAccepted(id: string, places: Places): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    const began = Object.keys(places).filter((topic) => subscription.places[topic] === null);
    for (const [topic, place] of Object.entries(places)) {
      subscription.places[topic] = furthest(subscription.places[topic] ?? null, place);
    }
    subscription.isAccepted = true;
    if (began.length > 0) subscription.listener({ event: 'missed', data: { topics: began } });
  }

  #deliver(event: ChangeEvent): void {
    for (const subscription of [...this.#subscriptions.values()]) {
      const { places, isAccepted, listener } = subscription;
      if (event.event === 'reset') {
        const topics = event.data.topics.filter((topic) => topic in places);
        if (topics.length === 0) continue;
        for (const topic of topics) places[topic] = null;
        // What it reads now is of a later moment than where the stream begins again: it hears so when it is accepted.
        continue;
      }
      if (!isAccepted) continue;
      const id = event.id ?? null;
      const topics = event.data.topics.filter((topic) => {
        const place = places[topic];
        return place !== undefined && isNews(id, place);
      });
      if (topics.length === 0) continue;
      for (const topic of topics) places[topic] = furthest(places[topic] ?? null, id);
      listener({ ...event, data: { ...event.data, topics } } as LiveEvent);
    }
  }

  #moveTo(position: string): void {
    this.#position = position;
    for (const { places, isAccepted } of this.#subscriptions.values()) {
      if (!isAccepted) continue;
      for (const topic of Object.keys(places)) places[topic] = furthest(places[topic] ?? null, position);
    }
  }

  #setStatus(status: LiveStatus): void {
    if (status.mode === this.#status.mode && status.ledger === this.#status.ledger) return;
    this.#status = status;
    for (const listener of this.#statusListeners) listener();
  }

  readonly #onVisibility = () => {
    clearTimeout(this.#hiddenTimer);
    if (document.visibilityState === 'hidden') {
      this.#hiddenAt = Date.now();
      this.#hiddenTimer = setTimeout(() => {
        this.#isAway = true;
        for (const subscription of this.#subscriptions.values()) subscription.isAccepted = false;
        this.#tellFollowed();
      }, HIDDEN_MS);
      return;
    }
    this.#comeBack();
  };

  #comeBack(): void {
    const awayMs = this.#hiddenAt === undefined ? 0 : Date.now() - this.#hiddenAt;
    this.#hiddenAt = undefined;
    if (!this.#isAway) return;
    this.#isAway = false;
    // To be told everything of hours takes longer than to read what there is.
    if (awayMs > AWAY_MS) {
      for (const { places } of this.#subscriptions.values())
        for (const topic of Object.keys(places)) places[topic] = null;
    }
    this.#tellFollowed();
  }

  /** The tab closes, or sleeps in the history of the browser: somebody else leads. */
  readonly #onPageHide = () => {
    this.#hiddenAt ??= Date.now();
    this.#isAway = true;
    for (const subscription of this.#subscriptions.values()) subscription.isAccepted = false;
    this.#send({ type: 'leave', from: this.#id });
    this.#part();
  };
  readonly #onPageShow = ({ persisted }: PageTransitionEvent) => {
    if (!persisted || !this.#isOpen) return;
    this.#join();
    this.#comeBack();
  };

  // The leader: it holds the stream and tells the members.

  #lead(withStream: boolean): void {
    const source = withStream ? this.#surroundings.EventSource : undefined;
    this.#members.clear();
    this.#streamed = new Set();
    this.#begun = false;
    this.#told = null;
    const connection = new LiveConnection(
      this.#api,
      {
        onBegin: (position, topics) => this.#onBegin(position, topics),
        onEvent: (event) => {
          this.#send({ type: 'event', from: this.#id, event });
          if (event.event !== 'reset' && event.id !== undefined) this.#told = event.id;
        },
        onPosition: (position) => {
          this.#told = position;
          this.#sendStatus(connection.status);
        },
        onStatus: (status) => this.#sendStatus(status),
        onRefused: (topic) => this.#refused.add(topic),
      },
      source,
      this.#surroundings.times,
    );
    this.#connection = connection;
    this.#send({ type: 'leader', from: this.#id });
    this.#connectSoon(GATHER_MS);
  }

  #stopLeading(): void {
    clearTimeout(this.#connectTimer);
    this.#connection?.close();
    this.#connection = undefined;
    this.#members.clear();
  }

  #sendStatus(status: LiveStatus): void {
    this.#send({ type: 'status', from: this.#id, status, position: this.#told });
  }

  #noteMember(id: string, subscriptions: Subscriptions): void {
    if (this.#connection === undefined) return;
    const known = this.#members.get(id);
    const accepted = new Set([...(known?.accepted ?? [])].filter((one) => one in subscriptions));
    this.#members.set(id, { subscriptions, accepted });
    if (this.#begun) this.#accept((places) => covers(this.#streamed, this.#told, this.#withoutRefused(places)));
    const isWaiting = Object.keys(subscriptions).some((one) => !accepted.has(one));
    this.#connectSoon(isWaiting ? GATHER_MS : FORGET_MS);
  }

  /** Tells those members who wait that they are told everything from now on. */
  #accept(isCovered: (places: Places) => boolean): void {
    const subscriptions: Record<string, Places> = {};
    for (const member of this.#members.values()) {
      for (const [id, places] of Object.entries(member.subscriptions)) {
        if (member.accepted.has(id) || !isCovered(places)) continue;
        member.accepted.add(id);
        subscriptions[id] = Object.fromEntries(
          Object.entries(places).map(([topic, place]) => [topic, place ?? this.#told]),
        );
      }
    }
    if (Object.keys(subscriptions).length === 0) return;
    this.#send({ type: 'accept', from: this.#id, subscriptions });
    if (this.#connection !== undefined) this.#sendStatus(this.#connection.status);
  }

  #connectSoon(ms: number): void {
    if (this.#connection === undefined) return;
    clearTimeout(this.#connectTimer);
    this.#connectTimer = setTimeout(() => this.#connectAnew(), ms);
  }

  /** Follows what the members follow now, unless the stream does so already. */
  #connectAnew(): void {
    const { wanted, waits } = this.#wanted();
    const isSame =
      wanted.size === this.#streamed.size && [...wanted.keys()].every((topic) => this.#streamed.has(topic));
    if (isSame && !waits) return;
    this.#streamed = new Set(wanted.keys());
    this.#begun = false;
    this.#connection?.follow(wanted);
  }

  #wanted(): { wanted: Map<string, string | null>; waits: boolean } {
    let waits = false;
    const all: Places[] = [];
    for (const { subscriptions, accepted } of this.#members.values()) {
      for (const [id, places] of Object.entries(subscriptions)) {
        if (!accepted.has(id)) waits = true;
        all.push(this.#withoutRefused(accepted.has(id) ? (advance({ id: places }, this.#told).id ?? places) : places));
      }
    }
    return { wanted: unitePlaces(all), waits };
  }

  #withoutRefused(places: Places): Places {
    return Object.fromEntries(Object.entries(places).filter(([topic]) => !this.#refused.has(topic)));
  }

  #onBegin(position: string, topics: ReadonlyMap<string, string | null>): void {
    this.#told = position;
    this.#begun = true;
    for (const { accepted } of this.#members.values()) accepted.clear();
    const asked = new Set(topics.keys());
    // Who came since the stream was asked for may be further back than it begins.
    this.#accept((places) =>
      Object.entries(this.#withoutRefused(places)).every(([topic, place]) => {
        const from = topics.get(topic);
        return asked.has(topic) && (place === null || from === null || !isFurther(from ?? position, place));
      }),
    );
    if (this.#wanted().waits) this.#connectSoon(GATHER_MS);
  }
}

function isNews(id: string | null, place: string | null): boolean {
  const [at, behind] = [id === null ? undefined : parsePosition(id), place === null ? undefined : parsePosition(place)];
  return at === undefined || behind === undefined || isAfter(at, behind);
}

/** `crypto.randomUUID` is only there where the page is secure. */
function uniqueId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
