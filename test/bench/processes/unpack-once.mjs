// Unpacks one archive and prints the peak memory of this process in bytes: the part of the bench that is timed.
import { unpackLayers } from '@deploy-tools/agent/release/unpack/run-tree-task.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';

const [archive, into] = process.argv.slice(2);
const layers = [{ archive, label: 'bench:v1' }];
await unpackLayers(
  { layers, into, policy: DEFAULT_UNPACK_POLICY, ownership: 'self' },
  new AbortController().signal,
);
console.log(process.resourceUsage().maxRSS * 1024);
