/** The platform's name as a source. */
export const GITTINKERER = 'gittinkerer-demo';

export const REPOSITORIES = [
  ['octo-org/cli-kit', 5],
  ['octo-org/docs-site', 3],
  ['octo-org/terraform-modules', 2],
] as const;

/** What starts a run, and what is asked for. */
export const HANDLERS = [
  { workflow: 'handleIssueComment', origin: 'pr', share: 6 },
  { workflow: 'handlePullRequest', origin: 'pr', share: 3 },
  { workflow: 'createRun', origin: 'web', share: 3 },
] as const;

export const REQUESTS = [
  ['Fix the broken link in the install guide', 'docs/install.md'],
  ['Rename --dry to --dry-run and keep the old name as an alias', 'src/flags.ts'],
  ['Add a test for an empty configuration file', 'test/config.test.ts'],
  ['Pin the base image by digest', 'Dockerfile'],
  ['Explain in the error message which key is missing', 'src/config.ts'],
  ['Remove the unused variable region from the module', 'modules/network/main.tf'],
  ['Sort the imports in the changed files', 'src/index.ts'],
  ['Use the shared retry function in the uploader', 'src/upload.ts'],
  ['Bump the action versions in the workflow', '.github/workflows/ci.yml'],
  ['Write a changelog entry for this pull request', 'CHANGELOG.md'],
] as const;

export const ERROR_TITLES = [
  ['handleIssueComment', "TypeError: Cannot read properties of null (reading 'login')"],
  ['handleIssueComment', 'HttpError: Resource not accessible by integration'],
  ['handlePullRequest', 'TimeoutError: the model did not answer within 60000 ms'],
  ['handlePullRequest', 'GitError: could not read from remote repository'],
  ['createRun', "ENOENT: no such file or directory, open 'artifacts/payload.json'"],
  ['recordMetric', 'error: canceling statement due to statement timeout'],
  ['redis', 'Error: connect ECONNREFUSED 10.0.3.7:6379'],
] as const;
