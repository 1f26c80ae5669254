import { z } from 'zod';
import { READING_ROLES } from '../config/roles.ts';
import { ACTION_NAMES } from './actions.ts';

/** `GET /api/v1/me` */
export const meAnswer = z.object({
  name: z.string().optional().describe('The person’s login, or the name of the token. Absent: nobody signed in.'),
  role: z.enum(READING_ROLES).optional().describe('Absent: a read from this machine, while no tokens are configured.'),
  projects: z.array(z.string()).optional().describe('The only ones that may be seen; absent: all.'),
  actions: z
    .array(z.enum(ACTION_NAMES))
    .describe('What `POST /api/v1/actions` performs for who asks, on what they may see.'),
});
export type MeAnswer = z.output<typeof meAnswer>;
