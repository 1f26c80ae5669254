/** @returns a field of what INFO answers. */
export function infoText(info: string, field: string): string | undefined {
  return new RegExp(`^${field}:([^\\r\\n]*)`, 'm').exec(info)?.[1];
}

/** @returns a field of what INFO answers, where it is a whole number. */
export function infoNumber(info: string, field: string): number | undefined {
  const text = infoText(info, field);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
