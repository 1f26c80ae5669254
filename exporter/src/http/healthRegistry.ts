import type { HealthAnswer, PartStatus } from '../contract/health.ts';

export interface PartState {
  readonly status: PartStatus;
  /** Milliseconds; absent: the registry measures the check itself. */
  readonly latencyMs?: number;
  readonly detail?: string;
}

export interface HealthPart {
  readonly name: string;
  /** Asks the part. An error or an overdue answer counts as down; `signal` aborts when the answer is overdue. */
  check(signal: AbortSignal): Promise<PartState>;
}

export interface HealthRegistryOptions {
  readonly version: string;
  /** Without these the exporter cannot do its job: /health answers 503 while one is down. Default: ledger. */
  readonly essential?: readonly string[];
  /** After how long an unanswered check counts as down, milliseconds. */
  readonly timeoutMs?: number;
}

/** The parts of the exporter that can say how they are, and whether the exporter is ready to serve. */
export class HealthRegistry {
  readonly #parts = new Map<string, HealthPart>();
  readonly #essential: readonly string[];
  readonly #timeoutMs: number;
  readonly #version: string;
  #notReady: string | undefined = 'starting';

  constructor({ version, essential = ['ledger'], timeoutMs = 2000 }: HealthRegistryOptions) {
    this.#version = version;
    this.#essential = essential;
    this.#timeoutMs = timeoutMs;
  }

  /** @returns a function that takes the part out again (a source that a reload removed). */
  register(part: HealthPart): () => void {
    if (this.#parts.has(part.name)) throw new Error(`health part ${part.name} is registered twice`);
    this.#parts.set(part.name, part);
    return () => this.#parts.delete(part.name);
  }

  /** Called once migrations are done and routes are served. */
  markReady(): void {
    this.#notReady = undefined;
  }

  /** Called when draining begins, so that balancers turn away first. */
  markNotReady(reason: string): void {
    this.#notReady = reason;
  }

  /** @returns undefined when ready: started, not draining, every essential part reachable; else why not. */
  async whyNotReady(): Promise<string | undefined> {
    if (this.#notReady !== undefined) return this.#notReady;
    const { parts } = await this.#ask((name) => this.#essential.includes(name));
    const missing = this.#essential.find((name) => parts[name]?.status !== 'ok' && parts[name]?.status !== 'degraded');
    return missing === undefined ? undefined : `${missing}: ${parts[missing]?.detail ?? 'not registered'}`;
  }

  /** Asks every part at once, or those that are wanted. */
  async report(wanted: (name: string) => boolean = () => true): Promise<HealthAnswer> {
    return this.#ask(wanted);
  }

  async #ask(wanted: (name: string) => boolean): Promise<HealthAnswer> {
    const asked = [...this.#parts.values()].filter(({ name }) => wanted(name));
    const states = await Promise.all(asked.map(async (part) => [part.name, await this.#checkPart(part)] as const));
    const isDown = ([name, state]: (typeof states)[number]) =>
      state.status === 'down' && this.#essential.includes(name);
    const worst = states.some(([, { status }]) => status !== 'ok') ? 'degraded' : 'ok';
    return {
      status: states.some(isDown) ? 'down' : worst,
      timestamp: new Date().toISOString(),
      uptimeSeconds: Math.round(process.uptime()),
      version: this.#version,
      parts: Object.fromEntries(states),
    };
  }

  async #checkPart(part: HealthPart): Promise<{ status: PartStatus; latencyMs: number; detail?: string }> {
    const started = performance.now();
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const { promise: overdue, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(new Error(`no answer within ${this.#timeoutMs} ms`));
    signal.addEventListener('abort', onAbort, { once: true });
    const elapsed = () => Math.round((performance.now() - started) * 10) / 10;
    try {
      const state = await Promise.race([part.check(signal), overdue]);
      return { latencyMs: elapsed(), ...state };
    } catch (error) {
      return { status: 'down', latencyMs: elapsed(), detail: error instanceof Error ? error.message : String(error) };
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
