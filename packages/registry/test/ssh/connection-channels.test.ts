import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { ConnectionChannels } from '@deploy-tools/registry/ssh/connection-channels.js';
import { generateHostKey } from '@deploy-tools/registry/ssh/host-key.js';
import { Shares } from '@deploy-tools/registry/ssh/shares.js';
import ssh2 from 'ssh2';
import { expect, it } from 'vitest';
import {
  channelData,
  hostileClient,
  MESSAGE,
  message,
  uint32,
} from '../../../../test/attacks/hostile-client.mjs';
import { testScope } from '../../../../test/support/scope.js';
import { makeSshKey } from '../../../../test/support/ssh-key.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { until } from '../../../../test/support/until.js';

it('counts what lies unread in channels that the client has closed, until the connection ends', async () => {
  const scope = testScope();
  const holder = { role: 'agent', fingerprint: 'x' } as const;
  const channels = new ConnectionChannels({
    max: 10,
    budget: new Shares({ total: 10, agents: 10, perKey: 10 }),
    onUnused: () => {},
  });
  const server = new ssh2.Server({ hostKeys: [generateHostKey()] }, (client) => {
    client.on('error', () => {}).on('authentication', (context) => context.accept());
    client.on('session', (accept) => {
      const session = accept();
      channels.take(holder, session);
      session.on('exec', (take) => void take()); // which nobody reads
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const key = await makeSshKey(tempDir(scope), 'key');
  const { port } = server.address() as AddressInfo;
  const client = await hostileClient({ host: '127.0.0.1', port, keyPath: key.path });
  scope.defer(() => client.destroy());
  scope.defer(() => void server.close());
  for (const bytes of [1000, 500]) {
    const number = (await client.open('exec', 'x')) ?? 0;
    client.send(channelData(number, Buffer.alloc(bytes)));
    client.send(message(MESSAGE.CHANNEL_CLOSE, uint32(number)));
  }
  await until('both are closed', () => channels.unread === 1500);
  channels.closeAll();
  expect(channels.unread).toBe(0);
});
