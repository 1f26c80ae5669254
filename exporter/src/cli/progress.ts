import { tell } from './printOutput.ts';

export interface Progress {
  update(done: number, total: number, note?: string): void;
  stop(): void;
}

/** Where stderr is no terminal, a line this often. */
const LINE_EVERY_MS = 5_000;

/** Shows how far a long piece of work is: a bar on a terminal, now and then a line elsewhere; always on stderr. */
export async function showProgress(name: string): Promise<Progress> {
  if (!process.stderr.isTTY) return showLines(name);
  const { SingleBar, Presets } = await import('cli-progress');
  const bar = new SingleBar(
    { format: `${name} {bar} {percentage}%  {note}`, stream: process.stderr, hideCursor: true, barsize: 30, fps: 5 },
    Presets.shades_classic,
  );
  bar.start(1, 0, { note: '' });
  return {
    update(done, total, note = '') {
      bar.setTotal(Math.max(1, total));
      bar.update(Math.min(done, total), { note });
    },
    stop: () => bar.stop(),
  };
}

function showLines(name: string): Progress {
  let last = performance.now();
  return {
    update(done, total, note = '') {
      if (performance.now() - last < LINE_EVERY_MS) return;
      last = performance.now();
      const share = total > 0 ? `${Math.floor((100 * done) / total)}%` : '';
      tell([`${name}:`, share, note].filter((part) => part !== '').join(' '));
    },
    stop() {},
  };
}
