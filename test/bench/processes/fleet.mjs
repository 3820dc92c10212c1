// Agents that read an update over connections that stand, and do nothing with it.
//   node fleet.mjs ADDRESS FINGERPRINT KEY-FILE NAME
import { connect as connectSsh } from '@deploy-tools/shared/client/connect.js';
import { parseFingerprint } from '@deploy-tools/shared/client/fingerprint.js';
import { loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { serveParent } from '../lib/child.mjs';
import { readConfig, readUpdate } from '../lib/fleet-reader.mjs';
import { wallClock } from '../lib/run.mjs';

const [addr, fingerprint, keyFile, name] = process.argv.slice(2);
const identity = { credentials: [await loadKeyFile(keyFile)] };
const hostKey = { fingerprint: parseFingerprint(fingerprint) };
const agents = [];

serveParent({ connect, hold, take }, {});

async function connect(count) {
  for (let made = 0; made < count; made++) {
    const connection = await connectSsh({ addr, user: 'deploy-agent', identity, hostKey });
    agents.push({ sftp: await SftpClient.start(await connection.openSubsystem('sftp')), held: undefined });
  }
}

/** From here on, what is wanted now counts as deployed. */
async function hold() {
  const { config } = await readConfig(agents[0].sftp, name);
  for (const agent of agents) agent.held = config;
}

/** All at once. @returns when each one had all, in milliseconds since 1970, and how many bytes that was. */
function take() {
  return Promise.all(
    agents.map(async ({ sftp, held }) => {
      const bytes = await readUpdate(sftp, name, held);
      return { at: wallClock(), bytes };
    }),
  );
}
