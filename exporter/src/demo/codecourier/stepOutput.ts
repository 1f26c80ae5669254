import { SECOND } from '../calendar.ts';
import { instantOf, type Story } from '../story.ts';
import type { World } from '../world.ts';
import { type Line, nextLine, type Scene, thought } from './transcript.ts';

/** Lines of a history are this far apart in `seq`; what only a live reader sees lies between them. */
const SEQ_STRIDE = 100;
const FIRST_FINE_SEQ = 10;
const LONGEST_FINE_RUN = SEQ_STRIDE - FIRST_FINE_SEQ;

interface Place {
  readonly runId: string;
  readonly sandboxId: string;
  readonly stepId: string;
}

/** Tells one message, finished. */
export function tellLine(story: Story, ms: number, place: Place, seq: number, line: Line): void {
  story.tell('output', ms, `out/${place.stepId}/${seq}`, {
    ...place,
    seq,
    at: instantOf(ms),
    ...line,
    state: line.role === 'error' ? 'error' : 'completed',
  });
}

/** Tells what a message says so far, while its author is still writing it. */
function tellPart(story: Story, ms: number, place: Place, seq: number, line: Line, share: number): void {
  const words = line.text.split(' ');
  const text = words.slice(0, Math.max(1, Math.floor(words.length * share))).join(' ');
  story.tell('output', ms, `out/${place.stepId}/${seq}/${Math.round(share * 100)}`, {
    ...place,
    seq,
    at: instantOf(ms),
    role: line.role,
    text,
    state: 'streaming',
  });
}

/** What an agent prints between two times: a few messages, and while live everything between them, as it streams. */
export function tellStepOutput(
  world: World,
  story: Story,
  place: Place,
  scene: Scene,
  fromMs: number,
  toMs: number,
  messages: number,
): void {
  const random = world.random('output', place.stepId);
  const stretch = (toMs - fromMs) / (messages + 1);
  for (let k = 1; k <= messages; k++) {
    const ms = fromMs + stretch * k;
    // Who reads a step later reads its last message first: that one is the agent's own.
    const line = k === messages ? thought(random, scene) : nextLine(random, scene);
    if (line.role === 'assistant' && random.chance(0.05)) {
      tellPart(story, ms - Math.min(2 * SECOND, stretch / 2), place, k * SEQ_STRIDE, line, 0.5);
    }
    tellLine(story, ms, place, k * SEQ_STRIDE, line);
  }
  if (!world.fine) return;
  for (let k = 0; k <= messages; k++) {
    const begin = fromMs + stretch * k;
    story.later(begin, begin + stretch, `out/${place.stepId}/${k}/fine`, (live) => {
      tellStream(world, live, place, scene, begin, begin + stretch, k * SEQ_STRIDE);
    });
  }
}

function tellStream(
  world: World,
  story: Story,
  place: Place,
  scene: Scene,
  fromMs: number,
  toMs: number,
  baseSeq: number,
): void {
  const random = world.random('stream', place.stepId, baseSeq);
  const pace = Math.max(6 * SECOND, (toMs - fromMs) / (LONGEST_FINE_RUN - 10));
  let ms = fromMs;
  for (let seq = baseSeq + FIRST_FINE_SEQ; seq < baseSeq + SEQ_STRIDE; seq++) {
    const line = nextLine(random, scene);
    const end = ms + pace * random.between(0.6, 1.5);
    // A second before the stretch ends, so that nothing of it falls on the message that ends it.
    if (end > toMs - SECOND) return;
    if (line.role === 'assistant') {
      for (const share of [0.25, 0.5, 0.75]) tellPart(story, ms + (end - ms) * share, place, seq, line, share);
    }
    tellLine(story, end, place, seq, line);
    ms = end;
  }
}
