// Unpacks and removes as an ordinary user with a strict umask, in a process of its own: the tests may run as root.
//   node unpack-as-user.mjs unpack ARCHIVE DIRECTORY | remove PATH
import { removeTreeSync } from '@deploy-tools/agent/release/unpack/remove-tree-sync.js';
import { unpackInto } from '@deploy-tools/agent/release/unpack/unpack-into.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';

const NOBODY = 65534;

const [action, path, into] = process.argv.slice(2);
// After the imports: the checkout may be where only root can read.
if (process.getuid() === 0) {
  process.setgroups([]);
  process.setgid(NOBODY);
  process.setuid(NOBODY);
}
process.umask(0o077);
if (action === 'remove') removeTreeSync(path);
else {
  const layers = [{ archive: path, label: 'one:v1' }];
  await unpackInto({ kind: 'unpack', layers, into, policy: DEFAULT_UNPACK_POLICY, ownership: 'self' });
}
