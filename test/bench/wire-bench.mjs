import { runWay } from './lib/deploy-ways.mjs';
import { linksBefore } from './lib/link.mjs';
import { heading, megabytes, verdict } from './lib/stats.mjs';

/** Bytes on the wire, both ways, as TCP carries them, for each way to bring the same releases to a host. */
export async function wireBench({ deployWays }) {
  const { dir, ways } = await deployWays();
  heading('wire: bytes both ways, without those of TCP itself');
  const links = await linksBefore(ways, 0);
  const bytes = {};
  for (const way of ways) {
    const link = links.before(way);
    await link.take();
    const results = await runWay(dir, way, link.port, { after: () => link.take() });
    for (const [job, { sent, received }] of Object.entries(results)) {
      bytes[job] = sent + received;
      const parts = `${megabytes(received)} MB to the host, ${megabytes(sent)} MB from it`;
      console.log(`  ${job.padEnd(28)} ${megabytes(bytes[job]).padStart(6)} MB: ${parts}`);
    }
  }
  await links.stop();
  const limit = bytes['rsync update in place'];
  if (limit === undefined) return;
  for (const { name } of ways.filter((way) => way.name.startsWith('ours'))) {
    const ours = bytes[`${name} update`];
    verdict(
      `bytes of ${name} update`,
      `${megabytes(ours)} MB`,
      `rsync's ${megabytes(limit)} MB`,
      ours <= limit,
    );
  }
}
