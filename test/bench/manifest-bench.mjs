import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from './lib/programs.mjs';
import { generator } from './lib/random.mjs';
import { isInstalled, measured, output, settleDisk, timed } from './lib/run.mjs';
import { startS3 } from './lib/s3.mjs';
import { heading, megabytes, memoryVerdict, pairedRatio, spread, verdict } from './lib/stats.mjs';

const DESTINATIONS = 10;
const FILES = 2_000;
const FILE_BYTES = 100_000;

/**
 * `deploy-agent manifest` with an archive on a real S3 server, to ten destinations at once: where nothing is yet, and over an
 * earlier release of which every file is another. Against curl, tar and rsync, one destination after the other.
 */
export async function manifestBench({ dir: base, rounds }) {
  const s3 = isInstalled('rsync') && isInstalled('curl') ? await startS3() : undefined;
  if (s3 === undefined) {
    console.log('\nmanifest: left out, it needs rsync, curl and python3-swift');
    return;
  }
  const dir = join(base, 'manifest');
  try {
    const archives = [];
    for (const name of ['first', 'next']) archives.push(await putArchive(dir, name, s3));
    heading(
      `manifest: ${FILES} files, ${megabytes(archives[0].bytes)} MB as tar.gz, ${DESTINATIONS} destinations, ${rounds} pairs`,
    );
    await comparePairs({ dir, rounds, archives, s3 });
  } finally {
    await s3.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function comparePairs({ dir, rounds, archives, s3 }) {
  const times = { ours: { first: [], next: [] }, theirs: { first: [], next: [] } };
  let peakBytes = 0;
  for (let round = 0; round <= rounds; round++) {
    for (const who of round % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours']) {
      for (const archive of archives) {
        settleDisk(dir);
        const place = join(dir, who);
        const { ms, peak = 0 } =
          who === 'ours' ? await byManifest(place, archive, s3) : byCurl(place, archive, s3);
        peakBytes = Math.max(peakBytes, peak);
        if (round > 0 || rounds === 0) times[who][archive.name].push(ms);
      }
      output('diff', ['-r', join(dir, who, '0'), join(dir, who, String(DESTINATIONS - 1))]);
      rmSync(join(dir, who), { recursive: true });
    }
  }
  for (const [name, what] of [
    ['first', 'to where nothing is'],
    ['next', 'over an earlier release'],
  ]) {
    const [ours, theirs] = [times.ours[name], times.theirs[name]];
    console.log(`  ${what}\n    ours, at once             ${spread(ours, 'ms')}`);
    console.log(`    curl + tar + rsync, summed ${spread(theirs, 'ms')}`);
    const ratio = pairedRatio(theirs, ours);
    verdict(`manifest, ${what}`, ratio.toFixed(2), 'more than 1', ratio > 1);
  }
  memoryVerdict('deploy-agent manifest', peakBytes);
}

/** Files of noise: what is compressed cannot be made smaller again. The two have files of the same names. */
async function putArchive(dir, name, s3) {
  const next = generator(name.length);
  const tree = join(dir, 'tree');
  const key = `${name}.tar.gz`;
  for (let index = 0; index < FILES; index++) {
    const place = join(tree, `part-${index % 40}`);
    mkdirSync(place, { recursive: true });
    const words = Uint32Array.from({ length: FILE_BYTES / 4 }, () => next() * 2 ** 32);
    writeFileSync(join(place, `file-${index}`), Buffer.from(words.buffer).subarray(name.length));
  }
  output('tar', ['czf', join(dir, key), '-C', tree, '.']);
  rmSync(tree, { recursive: true });
  const content = readFileSync(join(dir, key));
  rmSync(join(dir, key));
  await s3.put(key, content);
  return { name, key, bytes: content.length, hash: createHash('sha256').update(content).digest('hex') };
}

async function byManifest(place, { key, hash }, s3) {
  mkdirSync(place, { recursive: true });
  const numbers = Array.from({ length: DESTINATIONS }, (_, index) => String(index));
  const urls = numbers.map((number) => {
    const path = join(place, `${number}.yml`);
    writeFileSync(path, `src: s3://releases/${key}\nchecksum: ${hash}\ndest: ${join(place, number)}\n`);
    return `file://${path}`;
  });
  const env = { ...process.env, ...s3.environment };
  const begun = performance.now();
  const runs = await Promise.all(
    urls.map((url) => measured(program('deploy-agent'), ['manifest', '-rsync-verbose', '', url], { env })),
  );
  return { ms: performance.now() - begun, peak: Math.max(...runs.map(({ peakBytes }) => peakBytes)) };
}

function byCurl(place, { key }, s3) {
  let ms = 0;
  for (let number = 0; number < DESTINATIONS; number++) {
    const [archive, tree] = [join(place, 'archive'), join(place, 'tree')];
    mkdirSync(tree, { recursive: true });
    const [curl, ...words] = s3.curl(key);
    ms += timed(curl, [...words, '-o', archive]);
    ms += timed('tar', ['xzf', archive, '-C', tree]);
    ms += timed('rsync', ['-a', '--delete', `${tree}/`, `${join(place, String(number))}/`]);
    rmSync(tree, { recursive: true });
    rmSync(archive);
  }
  return { ms };
}
