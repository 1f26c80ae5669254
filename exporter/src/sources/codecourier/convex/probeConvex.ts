import { type ProbeReport, SourceError } from '../../source.ts';
import { type CodeCourierConfig, tableOf } from '../config.ts';
import { DOCUMENT_KINDS } from '../documents.ts';
import type { CallContext } from '../http/apiClient.ts';
import { describeDocuments } from '../probeFields.ts';
import type { ExportApi } from './exportApi.ts';

/** Says which of the named tables there are, and what their first documents hold and lack. */
export async function probeConvex(
  config: CodeCourierConfig,
  api: ExportApi,
  context: CallContext,
): Promise<ProbeReport> {
  const found: string[] = [];
  const problems: string[] = [];
  let tables: ReadonlySet<string>;
  try {
    tables = await api.tables(context);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return { reachable: error.result !== 'network', found, problems: [error.message] };
  }
  found.push(`Convex deployment with ${tables.size} tables`);
  for (const kind of DOCUMENT_KINDS) {
    const table = tableOf(config, kind);
    if (table === undefined) continue;
    if (!tables.has(table)) {
      const others = [...tables].sort().join(', ');
      problems.push(`there is no table ${table}; set tables.${kind} to one of ${others}, or to null`);
      continue;
    }
    try {
      const { revisions } = await api.listSnapshot(table, undefined, undefined, context);
      const documents = revisions.flatMap(({ document }) => (document === undefined ? [] : [document]));
      const described = describeDocuments(config, kind, documents);
      found.push(`${table}: ${described.found}`);
      problems.push(...described.problems.map((problem) => `${table}: ${problem}`));
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      problems.push(error.message);
    }
  }
  return { reachable: true, found, problems };
}
