import type { Kind } from '../../contract/records.ts';
import type { RecordView, View } from './recordView.ts';
import { viewApproval } from './viewApproval.ts';
import { viewChain } from './viewChain.ts';
import { viewJob } from './viewJob.ts';
import { viewQueue } from './viewQueue.ts';
import { viewRun } from './viewRun.ts';
import { viewSandbox } from './viewSandbox.ts';
import { viewService } from './viewService.ts';
import {
  viewAdapter,
  viewAudit,
  viewErrorGroup,
  viewNotification,
  viewPersona,
  viewPlatformError,
  viewProject,
  viewRateLimit,
  viewWorkflow,
} from './viewSmallRecords.ts';
import { viewStep } from './viewStep.ts';
import { viewStore } from './viewStore.ts';
import { viewUsage } from './viewUsage.ts';

const NOTHING: RecordView = { facts: [], parts: [] };

/** One place per record kind: what the metrics see of it. */
export const VIEWS: { readonly [K in Kind]: View<K> } = {
  run: viewRun,
  step: viewStep,
  output: () => NOTHING,
  chain: viewChain,
  sandbox: viewSandbox,
  usage: viewUsage,
  queue: viewQueue,
  job: viewJob,
  errorGroup: viewErrorGroup,
  approval: viewApproval,
  notification: viewNotification,
  audit: viewAudit,
  store: viewStore,
  service: viewService,
  adapter: viewAdapter,
  rateLimit: viewRateLimit,
  platformError: viewPlatformError,
  project: viewProject,
  dailyStat: () => NOTHING,
  workflow: viewWorkflow,
  persona: viewPersona,
};
