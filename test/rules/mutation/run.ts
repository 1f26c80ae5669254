/**
 * Changes every expression of the rules in every way of `mutantsOf`, and every `for`, `keep_firing_for` and label, and sees whether the
 * scenes notice: `npm run test:rules:mutation -- [--minutes <n>] [alert, record or file …]`. Without names all are tried, first those of a kind that no other
 * of the rule was of, and RESULTS.md is written; it says what there was no time for.
 * Ends with 1 where one survives that `explained.ts` does not explain.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RULE_FILES } from '../../../provisioning/rules/index.ts';
import { isAlert, type Rule, type RuleFile, ruleOf } from '../../../provisioning/rules/ruleFile.ts';
import { promtoolFile, SCENE_FILES } from '../../../provisioning/rules/scenes/index.ts';
import { promtool } from '../../support/promtool.ts';
import { EXPLAINED } from './explained.ts';
import { mutantsOf } from './mutantsOf.ts';

const RESULTS = fileURLToPath(new URL('RESULTS.md', import.meta.url));
/** Outcomes by what was tried: where neither a rule nor its scenes have changed, it is not tried again. */
const KNOWN = fileURLToPath(new URL('../../../node_modules/.cache/fleetlens-rule-mutation.json', import.meta.url));

type PlainRule = ReturnType<typeof ruleOf>;
interface Try {
  readonly file: RuleFile;
  readonly name: string;
  readonly operator: string;
  readonly change: string;
  /** In place of the rule of that index. */
  readonly index: number;
  readonly rule: PlainRule;
}
type Outcome = 'killed' | 'survived' | 'invalid';

const nameOf = (rule: Rule) => (isAlert(rule) ? rule.alert : rule.record);

/** Annotations change nothing of when an alert fires, and take time. */
function withoutAnnotations(rule: Rule): PlainRule {
  const { annotations: _annotations, ...plain } = ruleOf(rule);
  return plain;
}

function triesOf(file: RuleFile): Try[] {
  return file.rules.flatMap((rule, index) => {
    const plain = withoutAnnotations(rule);
    const one = { file, name: nameOf(rule), index };
    const tries: Try[] = mutantsOf(plain.expr).map(({ operator, change, expr }) => ({
      ...one,
      operator,
      change,
      rule: { ...plain, expr },
    }));
    for (const key of ['for', 'keep_firing_for'] as const) {
      const value = plain[key];
      if (value === undefined) continue;
      const { [key]: _dropped, ...rest } = plain;
      tries.push({ ...one, operator: key, change: `${value} → none`, rule: rest });
      tries.push({ ...one, operator: key, change: `${value} → twice`, rule: { ...plain, [key]: twice(value) } });
    }
    for (const label of Object.keys(plain.labels ?? {})) {
      const { [label]: _dropped, ...labels } = plain.labels ?? {};
      tries.push({ ...one, operator: 'label', change: `without ${label}`, rule: { ...plain, labels } });
    }
    return tries;
  });
}

function twice(duration: string): string {
  return duration.replace(/\d+/, (n) => String(Number(n) * 2));
}

/** The alerts of the file that read what is recorded, themselves or through another record. */
function readers(file: RuleFile, name: string): Set<string> {
  const found = new Set([name]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const rule of file.rules) if ([...found].some((one) => rule.expr.includes(one))) found.add(nameOf(rule));
  }
  return found;
}

/** The rule file with the change, and the test files about it; JSON is YAML, and written much faster. */
function filesOf({ file, name, index, rule }: Try): { rules: string; tests: readonly string[] } {
  const concerned = readers(file, name);
  const read = readBy(file, concerned);
  // Records that only others read cost time.
  const kept = file.rules.flatMap((one, i) => {
    if (i === index) return [rule];
    return concerned.has(nameOf(one)) || read.has(nameOf(one)) ? [withoutAnnotations(one)] : [];
  });
  return {
    rules: JSON.stringify({ groups: [{ name: file.name, rules: kept }] }),
    tests: testsOf(file.name, concerned),
  };
}

const written = new Map<string, readonly string[]>();

/** The test files about these alerts, which name their rules RULE_FILE. Two replicas notice most; one is asked where they do not. */
function testsOf(file: string, names: ReadonlySet<string>): readonly string[] {
  const key = [file, ...names].join(' ');
  const known = written.get(key);
  if (known !== undefined) return known;
  const tests = SCENE_FILES.filter(({ rules }) => rules === file).flatMap((one) => {
    const scenes = one.scenes.filter(({ alert }) => names.has(alert));
    if (scenes.length === 0) return [];
    return ([2, 1] as const).map((replicas) =>
      JSON.stringify(promtoolFile({ ...one, scenes }, 'RULE_FILE', [replicas])),
    );
  });
  written.set(key, tests);
  return tests;
}

/** What these read, themselves or through another record. */
function readBy(file: RuleFile, names: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (let before = -1; before < found.size; ) {
    before = found.size;
    const reading = file.rules.filter((rule) => names.has(nameOf(rule)) || found.has(nameOf(rule)));
    for (const rule of file.rules) if (reading.some(({ expr }) => expr.includes(nameOf(rule)))) found.add(nameOf(rule));
  }
  return found;
}

async function attempt(directory: string, id: number, { rules, tests }: ReturnType<typeof filesOf>): Promise<Outcome> {
  const ruleFile = join(directory, `${id}.rules.yml`);
  const testFile = join(directory, `${id}.test.yml`);
  await writeFile(ruleFile, rules);
  for (const test of tests) {
    await writeFile(testFile, test.replace('RULE_FILE', ruleFile));
    const { exitCode, output } = await promtool(['test', 'rules', testFile]);
    if (exitCode === 0) continue;
    return /parse error|could not parse|invalid rule/i.test(output) ? 'invalid' : 'killed';
  }
  return 'survived';
}

const { values, positionals: only } = parseArgs({ options: { minutes: { type: 'string' } }, allowPositionals: true });
const started = performance.now();
const endsAt = started + Number(values.minutes ?? 'Infinity') * 60_000;
const tries = byRank(
  // The first file takes longest: its scenes last for hours.
  RULE_FILES.toReversed()
    .flatMap(triesOf)
    .filter(({ name, file }) => only.length === 0 || only.includes(name) || only.includes(file.name)),
);
const known: Record<string, Outcome> = await readKnown();
const outcomes = new Map<Try, Outcome>();
const directory = await mkdtemp(join(tmpdir(), 'fleetlens-mutation-'));
try {
  const queue = tries.entries();
  await Promise.all(
    Array.from({ length: 2 * availableParallelism() }, async () => {
      for (const [id, one] of queue) {
        const files = filesOf(one);
        const hash = createHash('sha256').update(JSON.stringify([files.rules, files.tests]));
        const key = hash.digest('hex');
        if (known[key] === undefined && performance.now() > endsAt) continue;
        const outcome = known[key] ?? (await attempt(directory, id, files));
        known[key] = outcome;
        outcomes.set(one, outcome);
        if (outcome === 'survived') console.log(`survived: ${keyOf(one)}`);
        if (outcomes.size % 25 === 0) {
          console.log(`${outcomes.size} of ${tries.length}`);
          await keep();
        }
      }
    }),
  );
} finally {
  await rm(directory, { recursive: true });
  await keep();
}

/** The first of each operator of each rule come first, then the second ones, and so on. */
function byRank(all: readonly Try[]): Try[] {
  const seen = new Map<string, number>();
  const ranked = all.map((one) => {
    const key = `${one.name} ${JSON.stringify(one.rule.labels)} ${one.operator}`;
    const rank = seen.get(key) ?? 0;
    seen.set(key, rank + 1);
    return { one, rank };
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ one }) => one);
}

/** Runs of several files side by side keep what they found together. */
async function readKnown(): Promise<Record<string, Outcome>> {
  return JSON.parse(await readFile(KNOWN, 'utf8').catch(() => '{}'));
}

/** What was interrupted goes on from there. */
async function keep(): Promise<void> {
  await mkdir(dirname(KNOWN), { recursive: true });
  // Renamed: what is stopped meanwhile would leave half a file, and hours of outcomes with it. Others may be at it side by side.
  const written = `${KNOWN}.${randomUUID()}`;
  await writeFile(written, JSON.stringify({ ...(await readKnown()), ...known }));
  await rename(written, KNOWN);
}

function keyOf({ name, operator, change }: Try): string {
  return `${name} | ${operator} | ${change}`;
}

function reasonOf(one: Try): string | undefined {
  const key = keyOf(one);
  return EXPLAINED.find(({ mutants }) => mutants.test(key))?.because;
}

const valid = [...outcomes].filter(([, outcome]) => outcome !== 'invalid');
const untried = tries.length - outcomes.size;
const survivors = tries.filter((one) => outcomes.get(one) === 'survived');
const unexplained = survivors.filter((one) => reasonOf(one) === undefined);
const seconds = Math.round((performance.now() - started) / 1000);
console.log(
  `${valid.length} changes, ${survivors.length} survived, ${unexplained.length} of them unexplained; ${seconds} s`,
);
for (const one of unexplained) console.log(`unexplained: ${keyOf(one)}`);
if (only.length === 0) await writeFile(RESULTS, results());
process.exitCode = unexplained.length > 0 ? 1 : 0;

function results(): string {
  const operators = [...new Set(valid.map(([{ operator }]) => operator))];
  const names = RULE_FILES.flatMap(({ rules }) => rules.map(nameOf)).filter((name, i, all) => all.indexOf(name) === i);
  const cell = (name: string, operator: string) => {
    const of = valid.filter(([one]) => one.name === name && one.operator === operator);
    const killed = of.filter(([, outcome]) => outcome === 'killed').length;
    return of.length === 0 ? '' : `${killed}/${of.length}`;
  };
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `<!-- Written by npm run test:rules:mutation; do not edit. -->
# Changes to the rules, and whether their tests notice

${valid.length} changes of ${names.length} alerts and records, ${valid.length - survivors.length} noticed, ${survivors.length} survived, ${unexplained.length} of them unexplained. ${untried === 0 ? '' : `${untried} more were not tried for lack of time. `}
What has not changed since the last run is not tried again.
A cell: changes that the tests noticed, of those that were made.

${row(['rule', ...operators])}
${row(['---', ...operators.map(() => '---')])}
${names.map((name) => row([name.includes(':') ? `\`${name}\`` : name, ...operators.map((operator) => cell(name, operator))])).join('\n')}

## Survivors

${survivors.map((one) => `- \`${keyOf(one).replaceAll('`', "'")}\`: ${reasonOf(one) ?? '**unexplained**'}`).join('\n')}
`;
}
