import { z } from 'zod';
import { type ProbeReport, SourceError } from '../../source.ts';
import { type CodeCourierConfig, DEFAULT_PATHS, PATH_NAMES, type PathName } from '../config.ts';
import type { Document, DocumentKind } from '../documents.ts';
import type { CallContext } from '../http/apiClient.ts';
import { ApiError } from '../http/apiFailure.ts';
import { describeDocuments } from '../probeFields.ts';
import { idOf, type RestApi } from './restApi.ts';

const identity = z.object({
  name: z.string().optional(),
  projectId: z.string().optional(),
  scopes: z.array(z.string()).optional(),
});

/** What each path holds, and which list names a document of it. */
const CONTENTS: Readonly<Record<PathName, { kind: DocumentKind; single?: true; of?: PathName }>> = {
  project: { kind: 'projects', single: true },
  project_counters: { kind: 'projectCounters', single: true },
  daily_stats: { kind: 'dailyStats' },
  workflows: { kind: 'workflows' },
  personas: { kind: 'personas' },
  runs: { kind: 'runs' },
  run: { kind: 'runs', single: true, of: 'runs' },
  run_steps: { kind: 'runSteps', of: 'runs' },
  run_messages: { kind: 'messages', of: 'runs' },
  sprint_chains: { kind: 'sprintChains' },
  sprint_chain: { kind: 'sprintChains', single: true, of: 'sprint_chains' },
  sandboxes: { kind: 'sandboxes' },
  sandbox: { kind: 'sandboxes', single: true, of: 'sandboxes' },
  usage: { kind: 'usageRecords' },
  notifications: { kind: 'notifications' },
  audit_log: { kind: 'auditLogs' },
};
/** Embedded in the run they need no path of their own. */
const MAY_BE_EMBEDDED: readonly PathName[] = ['run_steps', 'run_messages', 'project_counters'];

/** Tries the key and every path, and says what the first documents of each hold and lack. */
export async function probeRest(config: CodeCourierConfig, api: RestApi, context: CallContext): Promise<ProbeReport> {
  const found: string[] = [];
  const problems: string[] = [];
  let reachable = false;
  try {
    const who = identity.safeParse(await api.whoami(context));
    reachable = true;
    if (who.success) {
      const { name, projectId, scopes } = who.data;
      found.push(
        `key ${name ?? 'without a name'} of project ${projectId ?? '?'}, scopes ${scopes?.join(', ') ?? 'not told'}`,
      );
      const writing = scopes?.filter((scope) => !scope.endsWith(':read')) ?? [];
      if (writing.length > 0)
        problems.push(`the key can do more than read (${writing.join(', ')}); make one with read scopes alone`);
    } else problems.push('GET /whoami: found no keyId, projectId and scopes; check that base_url ends in /api/v1');
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    problems.push(error.message);
    if (error.result === 'network' || (error instanceof ApiError && error.status === 401))
      return { reachable, found, problems };
    reachable = true;
  }
  const first = new Map<PathName, string>();
  for (const name of PATH_NAMES) {
    const { kind, single, of } = CONTENTS[name];
    const path = config.paths[name] === undefined ? DEFAULT_PATHS[name] : config.paths[name];
    const id = of === undefined ? undefined : first.get(of);
    if (path === null || (of !== undefined && id === undefined)) continue;
    try {
      const documents = await sample(api, name, single === true, context, id);
      if (documents === undefined) {
        if (!MAY_BE_EMBEDDED.includes(name)) {
          problems.push(
            `there is no ${path}; set paths.${name} to the right path, or to null if the platform has none`,
          );
        }
        continue;
      }
      const [sampled] = documents;
      if (sampled !== undefined && single !== true) first.set(name, idOf(sampled));
      const described = describeDocuments(config, kind, documents);
      found.push(`${path}: ${described.found}`);
      problems.push(...described.problems.map((problem) => `${path}: ${problem}`));
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      problems.push(error.message);
    }
  }
  return { reachable, found, problems };
}

async function sample(
  api: RestApi,
  name: PathName,
  single: boolean,
  context: CallContext,
  id: string | undefined,
): Promise<readonly Document[] | undefined> {
  if (!single) return (await api.list(name, undefined, context, id))?.documents;
  const document = id === undefined ? await api.document(name, context) : await api.item(name, id, context);
  return document === undefined || document === 'gone' ? undefined : [document];
}
