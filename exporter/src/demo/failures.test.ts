import { describe, expect, it } from 'vitest';
import { categoryOf } from '../contract/errorCategories.ts';
import { ERROR_CATEGORIES } from '../contract/records.ts';
import { FAILURE_MESSAGES } from './failures.ts';

describe('messages of failures', () => {
  it.each(ERROR_CATEGORIES)('of %s lead back to it', (category) => {
    for (const about of ['designer', 'src/index.ts', 'k3x9']) {
      for (const message of FAILURE_MESSAGES[category]) {
        expect(categoryOf(message.replaceAll('{}', about)), message).toBe(category);
      }
    }
  });
});
