// npm run fuzz [-- -seconds N [WORD…]]: checks every property again and again, each time with a seed of its own, until the time is
// over; with words only those of test files whose path contains one. A find is printed with its seed, its path and its counterexample,
// and left out from then on. Exit status 1 when there was one.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createVitest } from 'vitest/node';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const DEFAULT_SECONDS = '600';
/** For how long a test goes on in one round, so that the start of the workers does not count. */
const TURN_MS = 3000;

const { seconds, words } = readArguments();
process.env.FUZZ = '1';
const vitest = await createVitest('test', {
  root: ROOT,
  watch: false,
  project: ['unit'],
  maxWorkers: 2,
  reporters: [{}], // none of its own: an empty list would be the default
});
for (const project of vitest.projects) project.config.runner = join(ROOT, 'test/fuzz/repeat-runner.ts');
const finds = new Set();
const totals = { rounds: 0, properties: 0 };
/** How often more than once each test runs in the next round, by its id. */
const repeats = {};

const end = performance.now() + seconds * 1000;
const timer = setTimeout(() => vitest.cancelCurrentRun('keyboard-input'), seconds * 1000);
let specifications = (await vitest.globTestSpecifications(words)).filter(hasProperties);
while (specifications.length > 0 && performance.now() < end) {
  totals.rounds += 1;
  vitest.provide('repeats', repeats);
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  for (const error of unhandledErrors) printFind('outside of a test', [error]);
  specifications = testModules.flatMap(ofNextRound);
}
clearTimeout(timer);
await vitest.close();

console.log(`${totals.properties} checks of properties in ${totals.rounds} rounds, ${finds.size} finds`);
if (totals.properties === 0)
  console.error('no property was checked: no test file has such a path, or the time was too short');
process.exit(finds.size > 0 || totals.properties === 0 ? 1 : 0);

/** A test file with properties, of its own or of the contract or the arbitraries that it imports. */
function hasProperties({ moduleId }) {
  const imported = [...readFileSync(moduleId, 'utf8').matchAll(/from '(\.[^']*|fast-check)'/g)];
  return imported.some(
    ([, from]) => from === 'fast-check' || /-(contract|arbitraries|reference)\.js$/.test(from),
  );
}

/** What checked a property and held: the same tests once more. */
function ofNextRound(module) {
  const path = relative(ROOT, module.moduleId);
  if (module.errors().length > 0) printFind(path, module.errors());
  const held = [];
  for (const test of module.children.allTests()) {
    const { state, errors = [] } = test.result();
    const { properties = 0 } = test.meta();
    totals.properties += properties;
    if (state === 'failed')
      printFind(`${path}: ${test.fullName}`, errors.slice(0, 1)); // of those of its turn
    else if (properties > 0) held.push(test.id);
    const once = (test.diagnostic()?.duration ?? TURN_MS) / (1 + (repeats[test.id] ?? 0));
    repeats[test.id] = Math.floor(TURN_MS / Math.max(once, 10));
  }
  return held.length === 0 ? [] : [module.project.createSpecification(module.moduleId, { testIds: held })];
}

function printFind(where, errors) {
  finds.add(where);
  console.log(`\n${where}`);
  for (const error of errors) console.log(error.stack ?? error.message, error.cause?.stack ?? '');
}

function readArguments() {
  // Flags of this project have one dash.
  const args = process.argv.slice(2).map((arg) => (arg === '-seconds' ? '--seconds' : arg));
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { seconds: { type: 'string', default: DEFAULT_SECONDS } },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds < 1_000_000))
    throw new Error(`-seconds ${values.seconds}: give a number of seconds`);
  return { seconds, words: positionals };
}
