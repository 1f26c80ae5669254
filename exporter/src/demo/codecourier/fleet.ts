/** The platform's name as a source. */
export const CODECOURIER = 'codecourier-demo';

export interface Model {
  readonly name: string;
  readonly service: 'anthropic' | 'openai' | 'openrouter';
  readonly tool: string;
  /** USD per million tokens. */
  readonly inputUsd: number;
  readonly outputUsd: number;
}

const OPUS: Model = { name: 'claude-opus-4-6', service: 'anthropic', tool: 'claude', inputUsd: 5, outputUsd: 25 };
const SONNET: Model = { name: 'claude-sonnet-4-6', service: 'anthropic', tool: 'claude', inputUsd: 3, outputUsd: 15 };
const CODEX: Model = { name: 'gpt-5.2-codex', service: 'openai', tool: 'codex', inputUsd: 1.75, outputUsd: 14 };
const MINI: Model = { name: 'gpt-5-mini', service: 'openai', tool: 'codex', inputUsd: 0.25, outputUsd: 2 };
const QWEN: Model = {
  name: 'qwen/qwen3-coder',
  service: 'openrouter',
  tool: 'opencode',
  inputUsd: 0.3,
  outputUsd: 1.2,
};

export const ROLES = [
  'designer',
  'checker',
  'optimizer',
  'prompter',
  'investigator',
  'deep-dive',
  'evaluator',
  'judge',
  'answerer',
] as const;
export type Role = (typeof ROLES)[number];

/** How long a step of the role takes (median, seconds), and how much it reads and writes (median tokens). */
export const ROLE_WORK: Readonly<Record<Role, { seconds: number; input: number; output: number }>> = {
  prompter: { seconds: 110, input: 9_000, output: 1_200 },
  investigator: { seconds: 450, input: 90_000, output: 4_500 },
  'deep-dive': { seconds: 700, input: 150_000, output: 7_000 },
  designer: { seconds: 840, input: 150_000, output: 10_500 },
  optimizer: { seconds: 570, input: 120_000, output: 8_000 },
  checker: { seconds: 360, input: 60_000, output: 2_600 },
  evaluator: { seconds: 260, input: 45_000, output: 1_900 },
  judge: { seconds: 150, input: 22_000, output: 900 },
  answerer: { seconds: 460, input: 70_000, output: 6_500 },
};

export interface Workflow {
  readonly name: string;
  /** The persona that leads: the run's own. */
  readonly persona: Role;
  /** Once at the beginning; then again and again until the checker passes; then once at the end. */
  readonly opening: readonly Role[];
  readonly loop: readonly Role[];
  readonly closing: readonly Role[];
  readonly models: Readonly<Partial<Record<Role, Model>>> & { readonly lead: Model };
  readonly maxIterations: number;
  /** The checker's first verdict is a pass this often. */
  readonly firstPass: number;
  readonly quality: number;
  readonly opensPullRequest: number;
  /** How often it is used, against the others. */
  readonly share: number;
}

export const SCORE_WEIGHTS = {
  correctness: 0.35,
  typeSafety: 0.15,
  codeStyle: 0.1,
  testCoverage: 0.2,
  completeness: 0.2,
};
export const SCORE_THRESHOLD = 75;

export const FEATURE_BUILDER: Workflow = {
  name: 'Feature builder',
  persona: 'designer',
  opening: ['prompter'],
  loop: ['designer', 'checker'],
  closing: ['evaluator'],
  models: { lead: OPUS, prompter: MINI, checker: SONNET, evaluator: CODEX },
  maxIterations: 5,
  firstPass: 0.58,
  quality: 84,
  opensPullRequest: 0.92,
  share: 5,
};
const BUG_FIXER: Workflow = {
  name: 'Bug fixer',
  persona: 'investigator',
  opening: ['investigator', 'deep-dive'],
  loop: ['designer', 'checker'],
  closing: ['evaluator'],
  models: { lead: SONNET, checker: CODEX, evaluator: CODEX },
  maxIterations: 4,
  firstPass: 0.66,
  quality: 86,
  opensPullRequest: 0.9,
  share: 4,
};
const DEPENDENCY_UPDATE: Workflow = {
  name: 'Dependency update',
  persona: 'optimizer',
  opening: [],
  loop: ['optimizer', 'checker'],
  closing: ['evaluator'],
  models: { lead: CODEX, checker: QWEN, evaluator: CODEX },
  maxIterations: 3,
  firstPass: 0.74,
  quality: 88,
  opensPullRequest: 0.95,
  share: 3,
};
const DOCS_WRITER: Workflow = {
  name: 'Docs writer',
  persona: 'answerer',
  opening: [],
  loop: ['answerer', 'checker'],
  closing: ['judge'],
  models: { lead: QWEN, judge: MINI },
  maxIterations: 3,
  firstPass: 0.82,
  quality: 90,
  opensPullRequest: 0.85,
  share: 2,
};
export const SANDBOX_SESSION: Workflow = {
  name: 'Sandbox session',
  persona: 'designer',
  opening: [],
  loop: ['designer'],
  closing: [],
  models: { lead: SONNET },
  maxIterations: 1,
  firstPass: 1,
  quality: 80,
  opensPullRequest: 0.35,
  share: 0,
};
export const MERGE_AGENT: Workflow = {
  name: 'Merge agent',
  persona: 'judge',
  opening: ['investigator'],
  loop: ['optimizer'],
  closing: ['judge'],
  models: { lead: CODEX },
  maxIterations: 1,
  firstPass: 1,
  quality: 85,
  opensPullRequest: 0,
  share: 0,
};

export type Language = 'typescript' | 'python' | 'java';

export interface Project {
  readonly name: string;
  readonly title: string;
  readonly language: Language;
  readonly workflows: readonly Workflow[];
  readonly template: string;
  /** How often it is worked on, against the others. */
  readonly share: number;
  readonly members: number;
  /** Personas that the project has but no longer uses. */
  readonly unused?: readonly Role[];
}

export const PROJECTS: readonly Project[] = [
  {
    name: 'acme/web-shop',
    title: 'Web shop',
    language: 'typescript',
    workflows: [FEATURE_BUILDER, BUG_FIXER, DEPENDENCY_UPDATE],
    template: 'agent-node22',
    share: 7,
    members: 14,
  },
  {
    name: 'acme/payments-api',
    title: 'Payments API',
    language: 'typescript',
    workflows: [FEATURE_BUILDER, BUG_FIXER, DEPENDENCY_UPDATE],
    template: 'agent-node22-postgres',
    share: 5,
    members: 9,
  },
  {
    name: 'acme/mobile-app',
    title: 'Mobile app',
    language: 'typescript',
    workflows: [FEATURE_BUILDER, BUG_FIXER],
    template: 'agent-node22',
    share: 4,
    members: 8,
  },
  {
    name: 'globex/data-platform',
    title: 'Data platform',
    language: 'python',
    workflows: [FEATURE_BUILDER, BUG_FIXER, DOCS_WRITER],
    template: 'agent-py312',
    share: 4,
    members: 11,
  },
  {
    name: 'hooli/search-service',
    title: 'Search service',
    language: 'python',
    workflows: [FEATURE_BUILDER, DOCS_WRITER],
    template: 'agent-py312',
    share: 3,
    members: 6,
  },
  {
    name: 'initech/legacy-portal',
    title: 'Legacy portal',
    language: 'java',
    workflows: [BUG_FIXER, DOCS_WRITER],
    template: 'agent-jdk21',
    share: 2,
    members: 5,
    unused: ['prompter', 'optimizer'],
  },
];

/** The personas that a project's workflows use, and those that it keeps unused. */
export function personasOf(project: Project): readonly Role[] {
  const used = new Set<Role>(project.unused);
  for (const { opening, loop, closing } of project.workflows) {
    for (const role of [...opening, ...loop, ...closing]) used.add(role);
  }
  return ROLES.filter((role) => used.has(role));
}

export function modelOf(workflow: Workflow, role: Role): Model {
  return workflow.models[role] ?? workflow.models.lead;
}

export const PEOPLE = [
  'ana.silva',
  'ben.okafor',
  'chen.wei',
  'dora.novak',
  'emil.berg',
  'fatima.haddad',
  'george.ito',
  'hanna.keller',
  'ivan.petrov',
  'julia.santos',
] as const;
