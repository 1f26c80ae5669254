import { describe, expect, it } from 'vitest';
import { recordKey } from '../../../exporter/src/contract/recordKey.ts';
import type { Kind } from '../../../exporter/src/contract/records.ts';
import { coverage } from '../../../exporter/src/sources/codecourier/coverage.ts';
import { pollForTest } from '../../../exporter/src/sources/pollForTest.ts';
import { openLedger } from '../../ledger/ledgerBed.ts';
import { readShown, walkCoverage } from '../walkCoverage.ts';
import { openConvex, openRest } from './bed.ts';
import { makeWorld } from './world.ts';

const day = (time: string) => `2026-10-16T${time}Z`;
const WEIGHTS = { correctness: 0.4, typeSafety: 0.2, codeStyle: 0.1, testCoverage: 0.2, completeness: 0.1 };

/** Which record of the world holds the field, and what it has to be there. */
const EXPECTED: Readonly<Record<string, readonly [key: string, value: unknown]>> = {
  'run.runId': ['run1', 'run1'],
  'run.status': ['run1', 'succeeded'],
  'run.rawStatus': ['run1', 'completed'],
  'run.name': ['run1', 'Sprint 1 of 3 - Feature X'],
  'run.origin': ['run3', 'merge_agent'],
  'run.promptPreview': ['run1', 'Build feature X.\nWith tests.\nSmall steps.'],
  'run.createdAt': ['run1', day('01:00:00.000')],
  'run.startedAt': ['run1', day('01:00:30.000')],
  'run.finishedAt': ['run1', day('01:12:00.000')],
  'run.pullRequest.status': ['run3', 'blocked_on_ci'],
  'run.pullRequest.url': ['run1', 'https://github.com/acme/shop/pull/11'],
  'run.pullRequest.createdAt': ['run1', day('01:12:00.000')],
  'run.pullRequest.mergedAt': ['run1', day('01:40:00.000')],
  'run.pullRequest.error': ['run2', 'git push was rejected: no write access'],
  'run.config': ['run1', { template: 'node-24', timeoutSeconds: 3_600 }],
  'run.prompt': ['run1', 'Build feature X.\nWith tests.\nSmall steps.\nAnd a page.'],
  'run.referenceImages': ['run1', ['https://files.example/1.png']],
  'run.metadata': ['run1', { requestedBy: 'ada' }],
  'run.error.message': ['run2', 'API key for Anthropic is missing'],
  'run.error.stepId': ['run2', 'stp4'],
  'run.error.category': ['run2', 'api_key'],
  'run.triggerRunId': ['run1', 'run_trigger1'],
  'run.quality.composite': ['run1', 86],
  'run.quality.correctness': ['run1', 91],
  'run.quality.typeSafety': ['run1', 82],
  'run.quality.codeStyle': ['run1', 73],
  'run.quality.testCoverage': ['run1', 64],
  'run.quality.completeness': ['run1', 95],
  'run.quality.thresholdMet': ['run1', true],
  'run.quality.weights': ['run1', WEIGHTS],
  'run.quality.threshold': ['run1', 80],
  'run.ci.status': ['run3', 'failing'],
  'run.ci.checks[].name': ['run3', 'Unit Tests'],
  'run.ci.checks[].status': ['run3', 'in_progress'],
  'run.ci.checks[].conclusion': ['run3', 'failure'],
  'run.ci.checks[].url': ['run3', 'https://github.com/acme/shop/runs/2'],
  'run.ci.checkedAt': ['run3', day('02:05:00.000')],
  'run.chainId': ['run1', 'chn1'],
  // Of the name: "Sprint 2 of 3".
  'run.sprintIndex': ['run2', 1],
  'run.workflow': ['run1', 'feature-builder'],
  'run.iterations': ['run1', 2],
  'run.persona': ['run1', 'Strict evaluator'],
  'run.issueSessionId': ['run1', 'iss1'],
  'run.sandboxId': ['run1', 'sbx1'],
  'run.model': ['run1', 'claude-opus-4-6'],
  'run.provider': ['run1', 'anthropic'],
  'run.costUsd': ['run1', 0.45],
  'run.inputTokens': ['run1', 12_000],
  'run.outputTokens': ['run1', 15_000],
  'run.project': ['run1', 'acme/shop'],
  'run.attempts': ['run1', 1],
  'run.attributes.branchName': ['run1', 'agent/feature-x'],

  'step.stepId': ['run1 stp1', 'stp1'],
  'step.role': ['run1 stp1', 'designer'],
  'step.runId': ['run1 stp1', 'run1'],
  'step.attributes.createdAt': ['run1 stp1', day('01:01:00.000')],
  'step.name': ['run1 stp1', 'Design'],
  'step.tool': ['run1 stp1', 'claude'],
  'step.model': ['run1 stp1', 'claude-opus-4-6'],
  'step.status': ['run2 stp4', 'failed'],
  'step.rawStatus': ['run1 stp1', 'completed'],
  'step.startedAt': ['run1 stp1', day('01:01:00.000')],
  'step.finishedAt': ['run1 stp1', day('01:06:00.000')],
  'step.index': ['run1 stp3', 2],
  'step.iteration': ['run1 stp3', 2],
  'step.attempt': ['run1 stp1', 1],
  'step.verdict.passed': ['run1 stp2', false],
  'step.verdict.feedback': ['run1 stp2', 'Tests are missing.'],
  'step.quality.composite': ['run1 stp3', 84.5],
  'step.quality.correctness': ['run1 stp3', 91],
  'step.quality.typeSafety': ['run1 stp3', 82],
  'step.quality.codeStyle': ['run1 stp3', 73],
  'step.quality.testCoverage': ['run1 stp3', 64],
  'step.quality.completeness': ['run1 stp3', 95],
  'step.quality.thresholdMet': ['run1 stp3', true],
  'step.quality.weights': ['run1 stp3', WEIGHTS],
  'step.quality.threshold': ['run1 stp3', 80],
  'step.error.message': ['run2 stp4', 'Rate limit reached at the provider'],
  'step.error.category': ['run2 stp4', 'rate_limit'],
  'step.costUsd': ['run1 stp1', 0.45],
  'step.inputTokens': ['run1 stp1', 12_000],
  'step.outputTokens': ['run1 stp1', 15_000],
  'step.attributes.persona': ['run1 stp1', 'Strict evaluator'],
  'step.attributes.sandboxId': ['run1 stp1', 'sbx1'],

  'output.role': ['run1 sbx1 stp1 2', 'tool'],
  'output.text': ['run1 sbx1 stp1 1', 'On it.'],
  'output.state': ['run1 sbx1 stp1 4', 'streaming'],
  'output.seq': ['run1 sbx1 stp1 3', 3],
  'output.at': ['run1 sbx1 stp1 3', day('01:02:03.000')],
  'output.runId': ['run1 sbx1 stp1 3', 'run1'],
  'output.stepId': ['run1 sbx1 stp1 3', 'stp1'],
  'output.sandboxId': ['run1 sbx1 stp1 3', 'sbx1'],
  'output.attributes.toolName': ['run1 sbx1 stp1 2', 'write_file'],

  'chain.chainId': ['chn1', 'chn1'],
  'chain.rawStatus': ['chn1', 'failed'],
  'chain.status': ['chn1', 'failed'],
  'chain.name': ['chn1', 'Feature X'],
  'chain.project': ['chn1', 'acme/shop'],
  'chain.workflow': ['chn1', 'feature-builder'],
  'chain.sprintCount': ['chn1', 3],
  'chain.attributes.sprintRange': ['chn1', { start: 1, end: 3 }],
  'chain.currentSprintIndex': ['chn1', 1],
  'chain.sprints[].prUrl': ['chn1', 'https://github.com/acme/shop/pull/11'],
  'chain.sprints[].startedAt': ['chn1', day('01:00:30.000')],
  'chain.sprints[].finishedAt': ['chn1', day('01:12:00.000')],
  'chain.sprints[].status': ['chn1', 'succeeded'],
  'chain.sprints[].runId': ['chn1', 'run2'],
  'chain.failedSprintIndex': ['chn1', 1],
  'chain.resumeFromSprint': ['chn1', 1],
  'chain.createdAt': ['chn1', day('01:00:00.000')],
  'chain.finishedAt': ['chn1', day('03:00:00.000')],
  'chain.costUsd': ['chn1', 1.5],

  'sandbox.sandboxId': ['sbx1', 'sbx1'],
  'sandbox.rawStatus': ['sbx1', 'killed'],
  'sandbox.status': ['sbx1', 'killed'],
  'sandbox.config': ['sbx1', { template: 'node-24' }],
  'sandbox.template': ['sbx2', 'gone-template'],
  'sandbox.createdAt': ['sbx1', day('01:00:00.000')],
  'sandbox.startedAt': ['sbx1', day('01:00:20.000')],
  'sandbox.endedAt': ['sbx1', day('01:12:00.000')],
  'sandbox.origin': ['sbx2', 'sandbox'],
  'sandbox.project': ['sbx1', 'acme/shop'],
  'sandbox.runId': ['sbx1', 'run1'],
  'sandbox.pullRequest.status': ['sbx2', 'created'],
  'sandbox.pullRequest.url': ['sbx2', 'https://github.com/acme/shop/pull/13'],
  'sandbox.pullRequest.error': ['sbx2', 'first try: could not push'],
  'sandbox.error.message': ['sbx2', 'Template gone-template not found'],
  'sandbox.error.category': ['sbx2', 'template_not_found'],
  'sandbox.learningExtractionError': ['sbx1', 'learning extraction: unexpected token'],
  'sandbox.cpuCount': ['sbx3', 2],
  'sandbox.memoryBytes': ['sbx3', 4_294_967_296],
  'sandbox.diskBytes': ['sbx3', 10_737_418_240],
  'sandbox.attributes.e2bSandboxId': ['sbx1', 'e2b-abc'],

  'project.totalSandboxes': ['acme/shop', 44],
  'project.activeSandboxes': ['acme/shop', 1],
  'project.totalRuns': ['acme/shop', 5],
  'project.completedRuns': ['acme/shop', 3],
  'project.failedRuns': ['acme/shop', 1],
  'project.workflows': ['acme/shop', 2],
  'project.members': ['acme/shop', 7],
  'project.pendingInvitations': ['acme/shop', 3],
  'project.name': ['acme/shop', 'Shop'],
  'project.repository': ['acme/shop', 'https://github.com/acme/shop.git'],
  'project.project': ['acme/shop', 'acme/shop'],
  'project.attributes.createdAt': ['acme/shop', '2026-07-18T00:00:00.000Z'],
  'project.attributes.slug': ['acme/shop', 'shop'],

  'dailyStat.date': ['acme/shop 2026-10-16', '2026-10-16'],
  'dailyStat.attributes.createdAt': ['acme/shop 2026-10-16', '2026-10-17T00:00:00.000Z'],
  'dailyStat.project': ['acme/shop 2026-10-16', 'acme/shop'],
  'dailyStat.sandboxesCreated': ['acme/shop 2026-10-16', 3],
  'dailyStat.runsCreated': ['acme/shop 2026-10-16', 4],
  'dailyStat.runsCompleted': ['acme/shop 2026-10-16', 2],
  'dailyStat.runsFailed': ['acme/shop 2026-10-16', 1],
  'dailyStat.iterations': ['acme/shop 2026-10-16', 9],
  'dailyStat.workflowsCreated': ['acme/shop 2026-10-16', 1],

  'usage.usageId': ['use1', 'use1'],
  'usage.service': ['use1', 'anthropic'],
  'usage.attributes.createdAt': ['use1', day('01:09:00.000')],
  'usage.date': ['use1', '2026-10-16'],
  'usage.quantity': ['use1', 15_000],
  'usage.unit': ['use1', 'output_tokens'],
  'usage.costUsd': ['use1', 0.45],
  'usage.tool': ['use1', 'claude'],
  'usage.model': ['use1', 'claude-opus-4-6'],
  'usage.stepType': ['use1', 'designer'],
  'usage.inputTokens': ['use1', 12_000],
  'usage.outputTokens': ['use1', 15_000],
  'usage.durationSeconds': ['use1', 45],
  'usage.runId': ['use1', 'run1'],
  'usage.stepId': ['use1', 'stp1'],
  'usage.sandboxId': ['use1', 'sbx1'],
  'usage.chainId': ['use1', 'chn1'],
  'usage.issueSessionId': ['use1', 'iss1'],
  'usage.persona': ['use1', 'Strict evaluator'],
  'usage.project': ['use1', 'acme/shop'],
  'usage.cacheReadTokens': ['use1', 4_000],
  'usage.cacheWriteTokens': ['use1', 300],
  'usage.reasoningTokens': ['use1', 20],

  'notification.notificationId': ['ntf1', 'ntf1'],
  'notification.type': ['ntf1', 'run_failed'],
  'notification.user': ['ntf1', 'usr1'],
  'notification.project': ['ntf1', 'acme/shop'],
  'notification.title': ['ntf1', 'Sprint 2 failed'],
  'notification.runId': ['ntf1', 'run2'],
  'notification.chainId': ['ntf1', 'chn1'],
  'notification.createdAt': ['ntf1', day('02:05:00.000')],
  'notification.readAt': ['ntf1', day('02:06:00.000')],
  'notification.dismissedAt': ['ntf1', day('02:07:00.000')],

  'workflow.workflow': ['feature-builder acme/shop', 'feature-builder'],
  'workflow.name': ['feature-builder acme/shop', 'feature-builder'],
  'workflow.project': ['feature-builder acme/shop', 'acme/shop'],
  'workflow.attributes.createdAt': ['feature-builder acme/shop', '2026-07-28T00:00:00.000Z'],
  'workflow.version': ['feature-builder acme/shop', '2.1'],
  // Later than its own document says: a run used it since.
  'workflow.lastUsedAt': ['feature-builder acme/shop', day('03:01:00.000')],
  'workflow.archivedAt': ['old acme/shop', '2026-10-15T22:00:00.000Z'],
  'workflow.scoreWeights': ['feature-builder acme/shop', { correctness: 1 }],
  'workflow.scoreThreshold': ['feature-builder acme/shop', 70],
  'workflow.maxIterations': ['feature-builder acme/shop', 3],
  'workflow.approvalSlaSeconds': ['feature-builder acme/shop', 3_600],
  'persona.persona': ['Strict evaluator acme/shop', 'Strict evaluator'],
  'persona.name': ['Strict evaluator acme/shop', 'Strict evaluator'],
  'persona.project': ['Strict evaluator acme/shop', 'acme/shop'],
  'persona.attributes.createdAt': ['Strict evaluator acme/shop', '2026-07-28T00:00:00.000Z'],
  'persona.version': ['Strict evaluator acme/shop', '4'],
  'persona.lastUsedAt': ['Strict evaluator acme/shop', day('02:00:00.000')],
  'persona.archivedAt': ['Retired acme/shop', '2026-10-15T23:00:00.000Z'],
  'persona.scoreWeights': ['Strict evaluator acme/shop', WEIGHTS],
  'persona.scoreThreshold': ['Strict evaluator acme/shop', 80],
  'persona.maxIterations': ['Strict evaluator acme/shop', 5],
  'persona.approvalSlaSeconds': ['Strict evaluator acme/shop', 900],

  'audit.auditId': ['aud1', 'aud1'],
  'audit.actor': ['aud1', 'ada@acme.example'],
  'audit.action': ['aud1', 'budget_override'],
  'audit.at': ['aud1', day('03:00:00.000')],
  'audit.request': ['aud1', { capUsd: 40 }],
  'audit.target': ['aud1', 'persona:per1'],
  'audit.project': ['aud1', 'acme/shop'],
  'audit.attributes.createdAt': ['aud1', day('03:00:00.000')],
  'audit.attributes.ipAddress': ['aud1', '10.0.0.9'],

  'persona.attributes.instructions': ['Strict evaluator acme/shop', 'Judge strictly.'],
};

describe.each([
  ['REST', openRest],
  ['Convex', openConvex],
])('read by %s', (_way, open) => {
  it('every field that the documents name comes out of the API, and shows in the metrics that the table names', async () => {
    const { source } = await open(makeWorld());
    await using bed = await openLedger();
    await pollForTest(source, bed.ledger);
    walkCoverage(await readShown(bed), coverage, {
      expected: ({ record }) => EXPECTED[record]?.[1],
      isFrom: ({ record: path }, record) => {
        const key = recordKey(path.split('.', 1)[0] as Kind, record);
        return key?.replaceAll('\u001f', ' ') === EXPECTED[path]?.[0];
      },
    });
    expect(await bed.query('select * from fleetlens.dead_letter')).toEqual([]);
  });
});

it('the fields of the world are the ones of the table', () => {
  const covered = new Set(coverage.map(({ field }) => field.split('.').slice(0, 2).join('.')));
  // Of a record that is the project's own.
  covered.add('projectCounters._creationTime');
  const references = new Set(['_id', 'sprintIndex', 'sprintCount', 'conclusion', 'isStreaming', 'templateId']);
  const uncovered = Object.entries(makeWorld()).flatMap(([kind, documents]) =>
    [...new Set(documents.flatMap((document) => Object.keys(document)))]
      .filter((field) => !references.has(field) && !covered.has(`${kind}.${field}`))
      .map((field) => `${kind}.${field}`),
  );
  expect(uncovered).toEqual([]);
  expect(Object.keys(EXPECTED).filter((record) => !coverage.some((row) => row.record === record))).toEqual([]);
});
