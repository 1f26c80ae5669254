import { stripVTControlCharacters } from 'node:util';

/** What platforms and agents wrote, safe to print: a name must not move the cursor, change colours or turn the text around. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ');
}
