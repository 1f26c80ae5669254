import { pino } from 'pino';
import { normaliseData } from '../../normalise/normaliseEvent.ts';
import type { CodeCourierConfig } from './config.ts';
import type { Document, DocumentKind } from './documents.ts';
import { Platform, Warnings } from './platform.ts';

/** Without these a record says little; whether the platform calls them so is not published for every document. */
const EXPECTED: Readonly<Partial<Record<DocumentKind, readonly string[]>>> = {
  projects: ['name'],
  projectCounters: ['totalRuns', 'completedRuns', 'failedRuns', 'activeSandboxes'],
  dailyStats: ['date', 'runsCreated', 'runsCompleted', 'runsFailed'],
  personas: ['name'],
  workflows: ['name'],
  usageRecords: ['service', 'costUsd', 'runId'],
  sprintChains: ['status', 'sprintCount', 'currentSprintIndex'],
  runSteps: ['runId', 'role', 'status', 'startedAt'],
  runs: ['status', 'origin', 'createdAt', 'startedAt', 'prompt'],
  sandboxes: ['status', 'createdAt'],
  messages: ['role', 'text', 'seq'],
  notifications: ['type', 'user', 'createdAt'],
  auditLogs: ['actor', 'action', 'at', 'request'],
};

const SHOWN = 12;

/** Maps sample documents and says which fields were found, which no document had, and what the configuration names in vain. */
export function describeDocuments(
  config: CodeCourierConfig,
  kind: DocumentKind,
  documents: readonly Document[],
): { found: string; problems: string[] } {
  const problems: string[] = [];
  const warnings: string[] = [];
  const log = pino(
    { level: 'warn', base: null, timestamp: false },
    { write: (line: string) => void warnings.push(line) },
  );
  const platform = new Platform(config, new Warnings(log), undefined);
  const fields = new Set<string>();
  const attributes = new Set<string>();
  for (const document of documents) {
    // Steps and messages that were listed under their run need not name it.
    const whole = kind === 'runSteps' || kind === 'messages' ? { runId: 'probe', ...document } : document;
    for (const record of platform.map(kind, whole)) {
      try {
        for (const field of Object.keys(normaliseData(record.kind, record.data, new Date().toISOString()).fields)) {
          if (field.startsWith('attributes.')) attributes.add(field.slice('attributes.'.length));
          else fields.add(field);
        }
      } catch (error) {
        problems.push(`a document cannot be recorded: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  for (const line of warnings) problems.push(describeWarning(line));
  if (documents.length > 0) {
    for (const expected of EXPECTED[kind] ?? []) {
      if (!fields.has(expected))
        problems.push(`no document gives ${expected}; name the platform's field in fields.${kind}`);
    }
  }
  const asked = platform.fieldNames(kind);
  for (const [expected, theirs] of Object.entries(config.fields[kind] ?? {})) {
    if (!asked.has(expected)) {
      problems.push(
        `fields.${kind}.${expected} is no field that is read; expected one of ${[...asked].sort().join(', ')}`,
      );
    } else if (
      documents.length > 0 &&
      documents.every((document) => platform.fieldsOf(kind, document).peek(expected) === undefined)
    ) {
      problems.push(`fields.${kind}.${expected}: no document has ${theirs}`);
    }
  }
  const kept = attributes.size === 0 ? '' : `, as attributes ${listOf(attributes)}`;
  const found =
    documents.length === 0 ? 'no documents' : `${documents.length} documents, fields ${listOf(fields)}${kept}`;
  return { found, problems: [...new Set(problems)] };
}

function listOf(names: ReadonlySet<string>): string {
  const sorted = [...names].sort();
  return sorted.length <= SHOWN
    ? sorted.join(', ')
    : `${sorted.slice(0, SHOWN).join(', ')} and ${sorted.length - SHOWN} more`;
}

function describeWarning(line: string): string {
  const { msg, level: _level, ...details } = JSON.parse(line) as { msg: string; level: number };
  return `${msg} ${JSON.stringify(details)}`;
}
