// Unpacking: ours against GNU `tar xzf`, in alternating pairs on the same input. Prints medians, the ratio (above 1:
// ours is faster) and the peak memory of a process that does nothing but unpack.
//
//   node test/bench/unpack-bench.mjs [pairs] [work directory]
//
// The input is made first: 12,000 files, about 330 MB, about 100 MB as tar.gz, always the same bytes.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILES = 12_000;
const DIRECTORIES = 600;

const pairs = Number(process.argv[2] ?? 7);
const work = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'unpack-bench-'));
try {
  const archive = makeInput(work);
  console.log(
    `input: ${FILES} files, ${megabytes(archive.bytes)} MB, ${megabytes(statSync(archive.path).size)} MB as tar.gz`,
  );
  compare(archive.path, work, pairs);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function compare(archive, dir, count) {
  const times = { ours: [], tar: [] };
  let peak = 0;
  // The first pair warms the page cache and is not counted.
  for (let pair = 0; pair <= count; pair++) {
    for (const who of pair % 2 === 0 ? ['ours', 'tar'] : ['tar', 'ours']) {
      const into = join(dir, 'into');
      mkdirSync(into);
      const run = who === 'ours' ? runOurs(archive, into) : runTar(archive, into);
      rmSync(into, { recursive: true });
      if (pair > 0) times[who].push(run.ms);
      peak = Math.max(peak, run.peakBytes);
    }
  }
  const ours = median(times.ours);
  const tar = median(times.tar);
  console.log(`ours     ${ours.toFixed(0)} ms (${spread(times.ours)})`);
  console.log(`tar xzf  ${tar.toFixed(0)} ms (${spread(times.tar)})`);
  console.log(`ratio    ${(tar / ours).toFixed(2)} (tar / ours; at least 1 is wanted)`);
  console.log(`peak RSS ${megabytes(peak)} MB (below 150 is wanted)`);
}

/** A whole process, start-up included, as for tar. */
function runOurs(archive, into) {
  const child = fileURLToPath(new URL('./unpack-once.mjs', import.meta.url));
  const begun = performance.now();
  const run = spawnSync(process.execPath, [child, archive, into], { encoding: 'utf8' });
  const ms = performance.now() - begun;
  if (run.status !== 0) throw new Error(run.stderr);
  return { ms, peakBytes: Number(run.stdout) };
}

function runTar(archive, into) {
  const begun = performance.now();
  const run = spawnSync('tar', ['xzf', archive, '-C', into], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return { ms: performance.now() - begun, peakBytes: 0 };
}

/** Sizes as in a deployed application: most files small, a few large ones that hold most of the bytes. */
function makeInput(dir) {
  const tree = join(dir, 'tree');
  const next = generator(42);
  let bytes = 0;
  for (let index = 0; index < DIRECTORIES; index++) mkdirSync(directoryOf(tree, index), { recursive: true });
  for (let index = 0; index < FILES; index++) {
    const size = sizeOf(next());
    writeFileSync(join(directoryOf(tree, index % DIRECTORIES), `file-${index}.js`), content(size, next));
    bytes += size;
  }
  const path = join(dir, 'input.tar.gz');
  const packed = spawnSync('tar', ['czf', path, '-C', tree, '.'], { encoding: 'utf8' });
  if (packed.status !== 0) throw new Error(packed.stderr);
  rmSync(tree, { recursive: true });
  return { path, bytes };
}

function directoryOf(tree, index) {
  return join(tree, `package-${index % 60}`, `part-${Math.floor(index / 60)}`);
}

function sizeOf(random) {
  if (random < 0.6) return Math.floor(200 + random * 6_000);
  if (random < 0.97) return Math.floor(4_000 + (random - 0.6) * 60_000);
  return Math.floor(400_000 + (random - 0.97) * 22_000_000);
}

/** About a quarter is noise, the rest repeats: it compresses as code and libraries do. */
function content(size, next) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const run = Math.min(size - at, 16 + Math.floor(next() * 48));
    if (at > 2_000 && next() < 0.74) {
      const from = at - 1 - Math.floor(next() * 1_900);
      bytes.copy(bytes, at, Math.max(0, from - run), Math.max(0, from - run) + run);
    } else {
      for (let end = at + run, to = at; to < end; to++) bytes[to] = 32 + Math.floor(next() * 96);
    }
    at += run;
  }
  return bytes;
}

/** Mulberry32: the same numbers on every machine. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function spread(values) {
  return `${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)}, ${values.length} runs`;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(0);
}
