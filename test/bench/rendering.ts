import type { Bed } from './bed.ts';
import type { Figure } from './figure.ts';
export async function benchRendering(_bed: Bed): Promise<Figure[]> {
  return [];
}
