import { categoryOf } from '../../../contract/errorCategories.ts';
import type { ERROR_SURFACES, RunRecord } from '../../../contract/records.ts';
import { defined, isObject } from '../../rows/textValues.ts';
import type { DocumentFields } from './documentFields.ts';

type RecordedError = NonNullable<RunRecord['error']>;

/** An error as the platform keeps it, a text or `{message, code}`, with the category that its text stands for. */
export function readError(
  fields: DocumentFields,
  surface: (typeof ERROR_SURFACES)[number],
  stepId?: string | undefined,
): RecordedError | undefined {
  const said = fields.raw('error', 'errorMessage');
  if (said === undefined || said === '') return undefined;
  const { message, ...more } = isObject(said) ? said : { message: said };
  const text = typeof message === 'string' ? message : JSON.stringify(message ?? said);
  return { ...more, ...defined({ surface, category: categoryOf(text), message: text, stepId }) };
}
