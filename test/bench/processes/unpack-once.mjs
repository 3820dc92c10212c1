// Unpacks one archive and prints the peak memory of this process in bytes: the part of the bench that is timed.
import { unpackLayers } from '@deploy-tools/agent/release/unpack/unpack-layers.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';

const [archive, into] = process.argv.slice(2);
await unpackLayers({
  layers: [{ archive, label: 'bench:v1' }],
  into,
  policy: DEFAULT_UNPACK_POLICY,
  ownership: 'self',
  signal: new AbortController().signal,
});
console.log(process.resourceUsage().maxRSS * 1024);
