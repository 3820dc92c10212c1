// An operator who asks for something small again and again, and how long the answers take.
//   node bystander.mjs PORT KEY-FILE
import { setTimeout as sleep } from 'node:timers/promises';
import { serveParent } from '../lib/child.mjs';
import { connectSsh, execSsh } from '../lib/ssh-client.mjs';

const PAUSE_MS = 5;
const [port, keyFile] = process.argv.slice(2);
const client = await connectSsh({ port: Number(port), user: 'bystander', keyFile });
let waits = [];

/** Milliseconds of each answer since it was asked last. */
function take() {
  const taken = waits;
  waits = [];
  return taken;
}

serveParent({ take }, {});
for (;;) {
  const begun = performance.now();
  await execSsh(client, 'components');
  waits.push(performance.now() - begun);
  await sleep(PAUSE_MS);
}
