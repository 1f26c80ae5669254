/**
 * Loaded into the exporter's process with `--import`, beside the exporter's own code: measures how long its event loop was
 * busy without a break, and answers the benchmark over the IPC channel.
 */
export interface ProbeAnswer {
  /** Longest time between two turns of the loop beyond the timer's own interval since the last question, milliseconds. */
  readonly longestBlockMs: number;
}

const INTERVAL_MS = 1;
let longest = 0;
let last = performance.now();
// Not monitorEventLoopDelay: its timer has the same resolution, and its histogram rounds.
setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - last - INTERVAL_MS);
  last = now;
}, INTERVAL_MS).unref();

process.on('message', (question) => {
  if (question !== 'longestBlock') return;
  const answer: ProbeAnswer = { longestBlockMs: longest };
  longest = 0;
  process.send?.(answer);
});
// The channel alone must not keep the exporter from ending.
process.channel?.unref();
