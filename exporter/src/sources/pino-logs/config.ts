import { z } from 'zod';
import { byteSize, filePath } from '../../config/fieldTypes.ts';

export const configSchema = z
  .strictObject({
    /** A file, which is followed through its rotation, or a directory of logs. */
    path: filePath.optional(),
    /** Which files of a directory are logs, by the end of their names. */
    suffixes: z.array(z.string().min(1)).nonempty().default(['.log', '.json', '.ndjson', '.jsonl']),
    /** Where a file that is met at the first poll is read from; later ones are read from their beginning. */
    from: z.enum(['beginning', 'end']).default('beginning'),
    /** Read in one poll; the rest follows in the next ones. */
    max_read: byteSize.prefault('16MiB'),
    max_line: byteSize.prefault('1MiB'),
    /**
     * With it, lines are also taken at `POST /api/v1/webhooks/<name of this source>`, as NDJSON; a shipper sends it as
     * `Authorization: Bearer <webhook_secret>`, or as the password of basic authentication. A log that is pushed need not be
     * followed as well: each of its lines would count twice.
     */
    webhook_secret: z
      .string()
      .min(16, { error: 'expected at least 16 characters; `openssl rand -hex 32` makes a good one' })
      .optional(),
  })
  .refine(({ path, webhook_secret: secret }) => path !== undefined || secret !== undefined, {
    error: 'expected path, of logs that are followed, or webhook_secret, of lines that are pushed; found neither',
  });

export type PinoLogsConfig = z.output<typeof configSchema>;
