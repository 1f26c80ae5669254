/** Bytes of a value in the columns `waits` and `merges`. */
const WIDTH = 6;

/** @returns the values of such a column, milliseconds. */
export function readValues(bytes: Buffer): Float64Array {
  const values = new Float64Array(bytes.length / WIDTH);
  for (let i = 0, at = 0; i < values.length; i++, at += WIDTH) {
    // By hand: a call of readUInt for each of a million values takes longer than to find the percentiles among them.
    const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    const middle = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    const low = ((bytes[at + 4] as number) << 8) | (bytes[at + 5] as number);
    values[i] = high * 2 ** 32 + middle * 2 ** 16 + low;
  }
  return values;
}

/**
 * The least of the values that is not below the share `p` of them (nearest rank). Reorders the values: to find one takes a tenth
 * of the time of a sort.
 * @param values at least one
 * @param after the share that was asked for before, not above `p`: what is below that is there already
 */
export function percentile(values: Float64Array, p: number, after = 0): number {
  const wanted = rankOf(values, p);
  let low = rankOf(values, after);
  let high = values.length - 1;
  while (low < high) {
    // The middle of three, so that sorted values are no worst case.
    const pivot = middle(values[low] as number, values[(low + high) >> 1] as number, values[high] as number);
    let i = low;
    let j = high;
    while (i <= j) {
      while ((values[i] as number) < pivot) i++;
      while ((values[j] as number) > pivot) j--;
      if (i <= j) {
        const moved = values[i] as number;
        values[i++] = values[j] as number;
        values[j--] = moved;
      }
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return values[wanted] as number;
}

const rankOf = (values: Float64Array, p: number) => Math.max(0, Math.ceil(p * values.length) - 1);

function middle(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
