import { once } from 'node:events';
import { RegistryLink } from '@deploy-tools/agent/follow/registry-link.js';
import { loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { describe, expect, it } from 'vitest';
import { until } from '../../../../test/support/until.js';
import { makeKey, temporaryDirectory } from '../../../shared/test/client/ssh-tools.js';
import { startTestServer, type TestServer } from '../../../shared/test/client/test-server.js';

async function linkTo(
  onSftp: boolean,
): Promise<{ link: RegistryLink; server: TestServer; stop: AbortController }> {
  const dir = temporaryDirectory();
  const [host, client] = [makeKey(dir, 'host'), makeKey(dir, 'client')];
  const server = await startTestServer({
    hostKeys: [host],
    clientKeys: [client],
    ...(onSftp ? { onSftp: () => undefined } : {}),
  });
  const stop = new AbortController();
  const options = {
    addr: server.addr,
    user: 'deploy-agent',
    identity: { credentials: [await loadKeyFile(client.path)] },
    hostKey: { fingerprint: host.fingerprint },
    signal: stop.signal,
  };
  return { link: new RegistryLink(options, await createLogger('test', 'silent')), server, stop };
}

describe('the link to the registry', () => {
  it('is one connection for all who ask', async () => {
    const { link, server } = await linkTo(true);
    const sftp = await link.sftp();
    expect(await link.sftp()).toBe(sftp);
    expect(server.users).toEqual(['deploy-agent']);
    link.close();
  });

  it('is opened again after it was lost', async () => {
    const { link, server } = await linkTo(true);
    const first = await link.sftp();
    expect(link.state).toMatchObject({ isConnected: true });
    server.connections[0]?.end();
    await until('the loss is told', () => !link.state.isConnected);
    expect(link.state).toMatchObject({ since: expect.any(Date), error: expect.stringMatching(/was lost/) });
    await until('the loss is noticed', async () => (await link.sftp()) !== first);
    expect(server.connections).toHaveLength(2);
    await server.close();
    await until('it is away', () => !link.state.isConnected);
    await expect(link.sftp()).rejects.toMatchObject({ kind: 'connect' });
    expect(link.state).toMatchObject({ isConnected: false, error: expect.stringMatching(/refused/) });
    link.close();
  });

  it('leaves no connection open that is made after it was closed', async () => {
    const { link, server } = await linkTo(true);
    const opening = link.sftp().catch((error: unknown) => error);
    link.close();
    expect(await opening).toMatchObject({ kind: 'connect' });
    const [connection] = server.connections;
    if (connection !== undefined) await once(connection, 'close');
    expect(server.connections).toHaveLength(1);
    expect(await link.sftp()).toBeDefined();
    link.close();
  });

  it('leaves no connection open when the session is refused', async () => {
    const { link, server } = await linkTo(false);
    for (const attempt of [0, 1]) {
      const refused = link.sftp().catch((error: unknown) => error);
      await until('a connection is made', () => server.connections.length > attempt);
      const connection = server.connections[attempt];
      const closed = connection === undefined ? Promise.reject() : once(connection, 'close');
      expect(await refused).toMatchObject({ kind: 'unsupported' });
      await closed;
    }
    expect(server.connections).toHaveLength(2);
  });

  it('is not opened when the agent is to stop', async () => {
    const { link, stop } = await linkTo(true);
    stop.abort();
    await expect(link.sftp()).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
