import { MAX_NAME_LENGTH } from '../../contract/fields.ts';

/** @returns text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @returns an identifier or label, short enough to be one; a number becomes its digits. */
export function nameOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : textOf(value);
  return text !== undefined && text.length <= MAX_NAME_LENGTH ? text : undefined;
}
