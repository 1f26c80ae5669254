import type { OutputPage } from '@contract/api.ts';
import { comparePlaces, formatPlace, type OutputPlace, placeOf } from '@contract/outputPlace.ts';
import type { Parameters } from '../../api/FleetApi';
import {
  dropFar,
  EMPTY_BUFFER,
  indexOfPlace,
  lineKey,
  type OutputBuffer,
  type OutputLine,
  takeEarlier,
  takeLater,
  takeLive,
} from './outputBuffer';

/** Lines that are fetched where somebody joins, and whenever more are needed. */
const TAIL = 1_000;
const PAGE = 1_000;
const AROUND = 500;

/** `GET …/output` of a run or sandbox. */
export type AskOutput = (parameters: Parameters, signal: AbortSignal) => Promise<OutputPage>;

export interface OutputState {
  readonly buffer: OutputBuffer;
  /** What is being fetched. */
  readonly loading: 'anew' | 'earlier' | 'later' | undefined;
  /** The last fetch failed. */
  readonly failure: { readonly error: Error; readonly of: 'anew' | 'earlier' | 'later' } | undefined;
  /** Something was shown once. */
  readonly isOpen: boolean;
  /** Lines that were printed since behind the end of the window. */
  readonly behind: number;
  /** Up to where everything is known that was printed, as the live stream counts; of the first page. */
  readonly position: string | undefined;
}

/** The lines of one viewer: a window into all that was printed, which pages and the live stream fill. */
export class OutputStore {
  readonly #ask: AskOutput;
  readonly #stepId: string | undefined;
  readonly #listeners = new Set<() => void>();
  #state: OutputState = {
    buffer: EMPTY_BUFFER,
    loading: undefined,
    failure: undefined,
    isOpen: false,
    behind: 0,
    position: undefined,
  };
  #fetching = new AbortController();
  /** What came live while something was fetched: the page may be of the moment before. */
  #meanwhile: OutputLine[] = [];
  #hasMissed = false;

  /** @param stepId only lines of this step */
  constructor(ask: AskOutput, stepId: string | undefined) {
    this.#ask = ask;
    this.#stepId = stepId;
  }

  readonly getState = (): OutputState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  close(): void {
    this.#fetching.abort();
  }

  /** Shows the last lines, or those around a place. @returns whether it could */
  async open(place?: OutputPlace): Promise<boolean> {
    return await this.#fetch('anew', async (signal) => {
      if (place === undefined) {
        const page = await this.#page({ tail: TAIL }, signal);
        return this.#opened({ lines: page.data as OutputLine[], atStart: page.earlier !== true, atEnd: true }, page);
      }
      const at = formatPlace(place);
      const [before, from] = await Promise.all([
        this.#page({ before: at, limit: AROUND }, signal),
        this.#page({ from: at, limit: AROUND }, signal),
      ]);
      const begun: OutputBuffer = {
        lines: before.data as OutputLine[],
        atStart: before.earlier !== true,
        atEnd: false,
      };
      const buffer = takeLater(begun, from.data as OutputLine[], from.nextCursor === null);
      return this.#opened(buffer, Number(before.position) < Number(from.position) ? before : from);
    });
  }

  /** Shows the beginning of a step. @returns the place where it begins; undefined where it printed nothing (or that could not be read) */
  async openStep(stepId: string): Promise<OutputPlace | undefined> {
    let place: OutputPlace | undefined;
    await this.#fetch('anew', async (signal) => {
      const { data } = await this.#page({ step: stepId, limit: 1 }, signal);
      place = data[0] && placeOf(data[0]);
      return {};
    });
    return place;
  }

  /** The lines before the first one. */
  async loadEarlier(): Promise<void> {
    const [first] = this.#state.buffer.lines;
    if (first === undefined || this.#state.buffer.atStart || this.#state.loading !== undefined) return;
    await this.#fetch('earlier', async (signal) => {
      const page = await this.#page({ before: formatPlace(placeOf(first)), limit: PAGE }, signal);
      return { buffer: takeEarlier(this.#state.buffer, page.data as OutputLine[], page.earlier !== true) };
    });
  }

  /** The lines after the last one. @param again although the window is at the end: what a stream that is not there would have told */
  async loadLater(again = false): Promise<void> {
    const { buffer, loading } = this.#state;
    const last = buffer.lines.at(-1);
    if (loading !== undefined || (buffer.atEnd && !again)) return;
    if (last === undefined) {
      await this.open();
      return;
    }
    await this.#fetch('later', async (signal) => {
      const page = await this.#page({ from: formatPlace(placeOf(last)), limit: PAGE }, signal);
      const reachesEnd = page.nextCursor === null;
      return {
        buffer: takeLater(this.#state.buffer, page.data as OutputLine[], reachesEnd),
        ...(reachesEnd ? { behind: 0 } : {}),
      };
    });
  }

  /** Lines that were printed now. */
  takeLive(lines: readonly OutputLine[]): void {
    const ours = this.#stepId === undefined ? lines : lines.filter(({ stepId }) => stepId === this.#stepId);
    if (ours.length === 0) return;
    if (this.#state.loading !== undefined) this.#meanwhile.push(...ours);
    if (!this.#state.isOpen) return;
    const { buffer } = this.#state;
    this.#set({ buffer: takeLive(buffer, ours), behind: this.#state.behind + countBehind(buffer, ours) });
  }

  /** Something was missed: what comes at the end has to be read again. */
  missed(): void {
    if (!this.#state.isOpen || !this.#state.buffer.atEnd) return;
    // A page that is on its way may be of a moment before.
    if (this.#state.loading !== undefined) this.#hasMissed = true;
    else void this.loadLater(true);
  }

  /** Drops what is far from where somebody reads. */
  trim(at: number): void {
    const buffer = dropFar(this.#state.buffer, at);
    if (buffer !== this.#state.buffer) this.#set({ buffer });
  }

  indexOf(place: OutputPlace): number {
    return indexOfPlace(this.#state.buffer.lines, place);
  }

  /** Whether the window has this place. */
  has(place: OutputPlace): boolean {
    const { lines, atStart, atEnd } = this.#state.buffer;
    const [first, last] = [lines[0], lines.at(-1)];
    if (first === undefined || last === undefined) return false;
    return (
      (atStart || comparePlaces(placeOf(first), place) <= 0) && (atEnd || comparePlaces(place, placeOf(last)) <= 0)
    );
  }

  #page(parameters: Parameters, signal: AbortSignal): Promise<OutputPage> {
    return this.#ask({ step: this.#stepId, ...parameters }, signal);
  }

  #opened(buffer: OutputBuffer, { position }: OutputPage): Partial<OutputState> {
    return { buffer, isOpen: true, behind: 0, position: this.#state.position ?? position };
  }

  async #fetch(
    what: NonNullable<OutputState['loading']>,
    work: (signal: AbortSignal) => Promise<Partial<OutputState>>,
  ): Promise<boolean> {
    // Who opens another place does not wait for what was being fetched.
    this.#fetching.abort();
    const fetching = new AbortController();
    this.#fetching = fetching;
    this.#meanwhile = [];
    this.#set({ loading: what, failure: undefined });
    try {
      const change = await work(fetching.signal);
      if (fetching.signal.aborted) return false;
      const buffer = change.buffer === undefined ? this.#state.buffer : takeLive(change.buffer, this.#meanwhile);
      this.#set({ ...change, buffer, loading: undefined });
      if (this.#hasMissed) {
        this.#hasMissed = false;
        this.missed();
      }
      return true;
    } catch (error) {
      if (fetching.signal.aborted) return false;
      const failure = { error: error instanceof Error ? error : new Error(String(error)), of: what };
      this.#set({ loading: undefined, failure });
      return false;
    }
  }

  #set(change: Partial<OutputState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** Lines behind the end of a window that is not at the end. */
function countBehind({ atEnd, lines }: OutputBuffer, printed: readonly OutputLine[]): number {
  const last = lines.at(-1);
  if (atEnd || last === undefined) return 0;
  const after = printed.filter((line) => comparePlaces(placeOf(line), placeOf(last)) > 0);
  return new Set(after.map(lineKey)).size;
}
