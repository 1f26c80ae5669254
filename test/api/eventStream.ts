import type { StreamEvent } from '../../exporter/src/contract/live.ts';
import { waitFor } from '../support/waitFor.ts';

/** A client of the live stream that reads it as browsers do. */
export class EventStream {
  readonly response: Response;
  readonly events: StreamEvent[] = [];
  readonly comments: string[] = [];
  /** What a browser would send as Last-Event-ID. */
  lastEventId: string | undefined;
  /** The server ended the stream, or the connection was cut. */
  isOver = false;
  readonly #cut: AbortController;

  private constructor(response: Response, cut: AbortController) {
    this.response = response;
    this.#cut = cut;
  }

  /** @throws where the answer is no stream. */
  static async open(url: string, headers: Record<string, string>, lastEventId?: string): Promise<EventStream> {
    const cut = new AbortController();
    const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const response = await fetch(url, { headers: { ...headers, ...resume }, signal: cut.signal });
    if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
    const stream = new EventStream(response, cut);
    stream.lastEventId = lastEventId;
    void stream.#read();
    return stream;
  }

  cut(): void {
    this.#cut.abort();
  }

  of<Name extends StreamEvent['event']>(name: Name): Extract<StreamEvent, { event: Name }>[] {
    return this.events.filter((event): event is Extract<StreamEvent, { event: Name }> => event.event === name);
  }

  async ready(): Promise<this> {
    await waitFor(() => this.of('ready'), { what: 'the stream to be ready' });
    return this;
  }

  async #read(): Promise<void> {
    let text = '';
    try {
      for await (const chunk of this.response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
    this.isOver = true;
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [name = '', value = ''] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()];
      if (name === '') this.comments.push(value);
      else fields.set(name, value);
    }
    const id = fields.get('id');
    if (id !== undefined) this.lastEventId = id;
    const [event, data] = [fields.get('event'), fields.get('data')];
    if (event === undefined || data === undefined) return;
    this.events.push({ ...(id === undefined ? {} : { id }), event, data: JSON.parse(data) } as StreamEvent);
  }
}
