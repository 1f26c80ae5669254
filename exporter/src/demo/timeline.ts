import type { Happening } from './story.ts';

/** Happenings in order of time, then of id: a binary heap. */
export class Timeline {
  readonly #heap: Happening[] = [];

  peek(): Happening | undefined {
    return this.#heap[0];
  }

  add(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.push(happening) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!comesBefore(happening, heap[parent])) break;
      heap[at] = heap[parent] as Happening;
      at = parent;
    }
    heap[at] = happening;
  }

  next(): Happening | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && comesBefore(heap[child + 1], heap[child])) child++;
      if (!comesBefore(heap[child], last)) break;
      heap[at] = heap[child] as Happening;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function comesBefore(a: Happening | undefined, b: Happening | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.ms !== b.ms ? a.ms < b.ms : a.id < b.id;
}
