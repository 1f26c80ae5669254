import type { ErrorCategory, RunRecord } from '../../contract/records.ts';
import { MINUTE, SECOND } from '../calendar.ts';
import { failureMessage, type RecordedError } from '../failures.ts';
import type { Random } from '../random.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import type { Project } from './fleet.ts';
import type { Tally } from './tally.ts';

const GIB = 2 ** 30;
const LEARNING_FAILURES: readonly ErrorCategory[] = ['validation', 'rate_limit', 'timeout', 'network'];

/** A sandbox at E2B, from its creation to its end. */
export class SandboxLife {
  readonly sandboxId: string;
  readonly #world: World;
  readonly #story: Story;
  readonly #random: Random;
  readonly #project: Project;
  #startedMs = 0;

  constructor(
    world: World,
    story: Story,
    random: Random,
    project: Project,
    runId: string,
    origin: RunRecord['origin'],
    ms: number,
  ) {
    this.sandboxId = `sbx_${random.token(18)}`;
    this.#world = world;
    this.#story = story;
    this.#random = random;
    this.#project = project;
    story.tell('sandbox', ms, `${this.sandboxId}/created`, {
      sandboxId: this.sandboxId,
      project: project.name,
      origin,
      runId,
      status: 'creating',
      rawStatus: 'creating',
      template: project.template,
      createdAt: instantOf(ms),
      config: { timeoutSeconds: 3600, template: project.template },
      cpuCount: 2,
      memoryBytes: 4 * GIB,
      diskBytes: 20 * GIB,
    });
  }

  /** @returns when it runs. */
  start(createdMs: number): number {
    this.#startedMs = createdMs + this.#random.logNormal(4.5 * SECOND, 0.4);
    this.#story.tell('sandbox', this.#startedMs, `${this.sandboxId}/running`, {
      sandboxId: this.sandboxId,
      status: 'running',
      rawStatus: 'running',
      startedAt: instantOf(this.#startedMs),
    });
    return this.#startedMs;
  }

  /** Its provisioning failed. */
  refuse(ms: number, error: RecordedError): void {
    this.#tellEnd(ms, 'error', { error });
  }

  /** Its agent died with it, or it was killed when the work was done. */
  end(ms: number, tally: Tally, error?: RecordedError): void {
    tally.sandboxes.push({ project: this.#project.name, fromMs: this.#startedMs, toMs: ms });
    const random = this.#random;
    const pausedMs = this.#startedMs + (ms - this.#startedMs) * random.between(0.3, 0.6);
    if (ms - this.#startedMs > 10 * MINUTE && random.chance(0.05)) this.#pause(pausedMs);
    this.#tellReadings(ms);
    if (error !== undefined) {
      this.#tellEnd(ms, 'error', { error });
      return;
    }
    if (random.chance(0.012)) {
      // E2B has no word for a sandbox that is gone: for a moment nobody knows.
      this.#story.tell('sandbox', ms, `${this.sandboxId}/gone`, {
        sandboxId: this.sandboxId,
        status: 'unknown',
        rawStatus: 'not_found',
      });
    }
    this.#tellEnd(ms + 2 * SECOND, 'killed', {});
    if (random.chance(0.03)) {
      this.#story.tell('sandbox', ms + 40 * SECOND, `${this.sandboxId}/learning`, {
        sandboxId: this.sandboxId,
        learningExtractionError: failureMessage(random, random.pick(LEARNING_FAILURES), 'learning extraction'),
      });
    }
  }

  #pause(ms: number): void {
    const { sandboxId } = this;
    this.#story.tell('sandbox', ms, `${sandboxId}/paused`, { sandboxId, status: 'paused', rawStatus: 'paused' });
    this.#story.tell('sandbox', ms + 90 * SECOND, `${sandboxId}/resumed`, {
      sandboxId,
      status: 'running',
      rawStatus: 'running',
    });
  }

  #tellEnd(ms: number, status: 'killed' | 'error', more: { error?: RecordedError }): void {
    this.#story.tell('sandbox', ms, `${this.sandboxId}/ended`, {
      sandboxId: this.sandboxId,
      status,
      rawStatus: status,
      endedAt: instantOf(ms),
      ...more,
    });
  }

  #tellReadings(endMs: number): void {
    const { sandboxId } = this;
    const startedMs = this.#startedMs;
    const read = (story: Story, ms: number) => {
      const random = this.#world.random('sandbox', sandboxId, ms);
      const life = Math.min(1, (ms - startedMs) / (40 * MINUTE));
      story.tell('sandbox', ms, `${sandboxId}/read/${Math.round(ms)}`, {
        sandboxId,
        cpuUsedRatio: Math.round(Math.min(1, random.logNormal(0.28, 0.6)) * 1000) / 1000,
        memoryUsedBytes: Math.round((0.6 + 1.6 * life + random.between(0, 0.4)) * GIB),
      });
    };
    if (endMs - startedMs > 2 * MINUTE) read(this.#story, startedMs + (endMs - startedMs) / 2);
    if (!this.#world.fine) return;
    this.#story.later(startedMs, endMs, `${sandboxId}/fine`, (live) => {
      for (let ms = startedMs + 20 * SECOND; ms < endMs; ms += 20 * SECOND) read(live, ms);
    });
  }
}
