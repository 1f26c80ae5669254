import type { OutputRecord } from '../../contract/records.ts';
import type { Random } from '../random.ts';
import type { Language, Role } from './fleet.ts';
import type { Task } from './tasks.ts';

export interface Line {
  readonly role: NonNullable<OutputRecord['role']>;
  readonly text: string;
}

export interface Scene {
  readonly role: Role;
  readonly task: Task;
  readonly language: Language;
}

const GREEN = '\u001b[32m';
const RED = '\u001b[31m';
const DIM = '\u001b[2m';
const BOLD = '\u001b[1m';
const OFF = '\u001b[0m';

const THINKING: Readonly<Record<Role, readonly string[]>> = {
  prompter: [
    'The request leaves two things open: what happens to existing data, and who may do this. I will state both as assumptions in the plan.',
    'I split this into three steps that can be checked one by one: data, behaviour, then what the user sees of `{title}`.',
  ],
  designer: [
    'I read `{file}` and its callers. The smallest change keeps the signature and moves the decision into one function; I will write the test first.',
    'The happy path works. Now the edge: an empty list, a missing value, and the same call twice.',
    'There is already a function for this two folders up. I will use it instead of adding a second one.',
    'The type allows a state that cannot occur. I will make it a union, then the compiler finds the three places that forgot it.',
    'Done with the implementation. Running the whole test suite once more before I hand over.',
  ],
  checker: [
    'I compare the diff with the request point by point. Points 1 and 2 are covered by tests; for point 3 I look for one that would fail without the change.',
    'I reverted the change in `{file}` locally: {tests} tests fail, as they should. Restored it.',
  ],
  optimizer: [
    'The changelog names two breaking changes that concern us. I look for their uses before I touch the version.',
    'The lock file changes 41 packages; 38 of them are patch versions. I read the notes of the other three.',
  ],
  investigator: [
    'I can reproduce it with four lines. It needs two calls within the same tick, which is why the tests never saw it.',
    'git blame points to a change of March: the check moved behind the `await`, so two callers can pass it.',
  ],
  'deep-dive': [
    'Three hypotheses: rounding, a stale cache, or the time zone. The log line at 14:03 rules out the cache. I test the other two.',
    'The query plan shows a sequential scan per month. With the index on (year, customer) it reads 1/12 of the rows.',
  ],
  evaluator: [
    'Scoring the diff: behaviour matches the request, types hold without casts, and the new test fails on the old code.',
    'Coverage of the changed lines is {percent}%. One branch, the retry after a 429, has no test.',
  ],
  judge: ['Both versions are correct. The second reads better and touches two files less, so I prefer it.'],
  answerer: [
    'I tried each command of the page on a clean checkout. Two did not work as written; I corrected them.',
    'The page explains the what, not the why. I add one paragraph on the reason, with a link to the decision record.',
  ],
};

const TEST_COMMAND: Readonly<Record<Language, string>> = {
  typescript: 'npx vitest run',
  python: 'python -m pytest -q',
  java: './mvnw -q test',
};

/** What an agent says when it comes to the end of something. */
export function thought(random: Random, { role, task }: Scene): Line {
  const text = random
    .pick(THINKING[role])
    .replace('{file}', task.files[0])
    .replace('{title}', task.title)
    .replace('{tests}', String(random.integer(1, 6)))
    .replace('{percent}', String(random.integer(78, 97)));
  return { role: 'assistant', text };
}

function toolCall(random: Random, { task, language }: Scene): Line {
  const [file, test] = task.files;
  const symbol = file.split('/').at(-1)?.split('.')[0] ?? file;
  return {
    role: 'tool',
    text: random.pick([
      `Read(${file}) -> ${random.integer(40, 420)} lines`,
      `Grep("${symbol}") -> ${random.integer(2, 31)} matches in ${random.integer(2, 9)} files`,
      `Edit(${file}): +${random.integer(3, 64)} -${random.integer(0, 28)}`,
      `Write(${test}): ${random.integer(30, 160)} lines`,
      `Bash(${TEST_COMMAND[language]} ${test})`,
      `Bash(git diff --stat) -> ${random.integer(1, 9)} files changed`,
    ]),
  };
}

/** The end of a test run, in the colours of the language's own runner. */
function testRun(random: Random, { task, language }: Scene): Line {
  const passed = random.integer(12, 240);
  const failed = random.chance(0.25) ? random.integer(1, 4) : 0;
  const seconds = random.between(0.8, 38).toFixed(2);
  const [, test] = task.files;
  if (language === 'python') {
    const summary =
      failed === 0
        ? `${GREEN}${BOLD}${passed} passed${OFF}${GREEN} in ${seconds}s${OFF}`
        : `${RED}${BOLD}${failed} failed${OFF}, ${GREEN}${passed} passed${OFF} in ${seconds}s`;
    return {
      role: 'stdout',
      text: `${GREEN}${'.'.repeat(Math.min(60, passed))}${OFF}${failed ? `${RED}F${OFF}` : ''}\n${summary}\n`,
    };
  }
  if (language === 'java') {
    const word = failed === 0 ? `${GREEN}BUILD SUCCESS${OFF}` : `${RED}BUILD FAILURE${OFF}`;
    return {
      role: 'stdout',
      text: `[INFO] Tests run: ${passed + failed}, Failures: ${failed}, Errors: 0, Skipped: 0\n[INFO] ${word}\n[INFO] Total time: ${seconds} s\n`,
    };
  }
  const mark = failed === 0 ? `${GREEN}✓${OFF}` : `${RED}❯${OFF}`;
  const tally =
    failed === 0
      ? `${GREEN}${passed} passed${OFF}`
      : `${RED}${failed} failed${OFF} ${DIM}|${OFF} ${GREEN}${passed} passed${OFF}`;
  return {
    role: 'stdout',
    text: ` ${mark} ${test} ${DIM}(${random.integer(3, 24)} tests)${OFF}\n\n ${DIM}     Tests${OFF}  ${tally}\n ${DIM}  Duration${OFF}  ${seconds}s\n`,
  };
}

function complaint(random: Random, { language }: Scene): Line {
  const common = [
    `${DIM}remote: Resolving deltas: 100% (${random.integer(8, 60)}/${random.integer(60, 90)})${OFF}\n`,
    `warning: in the working copy of 'CHANGELOG.md', LF will be replaced by CRLF the next time Git touches it\n`,
  ];
  const own: Readonly<Record<Language, string>> = {
    typescript: `npm warn deprecated glob@7.2.3: Glob versions prior to v9 are no longer supported\n`,
    python: `\u001b[33mDeprecationWarning: datetime.utcnow() is deprecated, use timezone-aware objects\u001b[0m\n`,
    java: `WARNING: A Java agent has been loaded dynamically (byte-buddy-agent-1.15.jar)\n`,
  };
  return { role: 'stderr', text: random.pick([...common, own[language]]) };
}

/** What an agent prints next. */
export function nextLine(random: Random, scene: Scene): Line {
  return random.weighted([
    [thought, 5],
    [toolCall, 6],
    [testRun, 3],
    [complaint, 1],
  ] as const)(random, scene);
}

export function verdictFeedback(random: Random, passed: boolean, task: Task): string {
  if (passed) {
    return random.pick([
      'All points of the request are met; the tests fail without the change.',
      `The change is small and complete. One remark: the name in ${task.files[0]} could say more.`,
      'Behaviour, types and tests hold. No blocking remarks.',
    ]);
  }
  return random.pick([
    `${task.files[1]} passes on the old code too, so it does not test the change. Add a case that fails without it.`,
    `The error path in ${task.files[0]} swallows the exception. Let it through, with its cause.`,
    'Point 3 of the request is missing: the second call with the same input is not handled.',
    'The type check fails in two places; run it before you hand over.',
    'The change reformats 300 unrelated lines. Revert those, so that it can be reviewed.',
  ]);
}
