import { readdirSync, readlinkSync } from 'node:fs';
import { AgentTree } from '@deploy-tools/registry/sftp/agent-tree.js';
import { OperatorTree } from '@deploy-tools/registry/sftp/operator-tree.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../../../../test/support/until.js';
import { hashOf } from '../contract/meta-samples.js';
import { AGENT, addText, OPERATOR, openRegistry, type TestRegistry } from '../support/open-registry.js';
import { startSftpServer, type TestSftpServer } from '../support/sftp-server.js';

const CONTENT = 'x'.repeat(3_000_000);

/** Archives and uploads of a registry that this process has open. */
function openFiles({ dir }: TestRegistry): string[] {
  const paths = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // that of the directory itself is gone by now
    }
  });
  return paths.filter((path) => path.startsWith(`${dir}/uploads/`) || path.startsWith(`${dir}/files/`));
}

async function served(registry: TestRegistry, role: 'operator' | 'agent'): Promise<TestSftpServer> {
  const server = await startSftpServer(
    (transfers) =>
      role === 'operator'
        ? new OperatorTree(registry, { principal: OPERATOR, log: registry.log, transfers: transfers })
        : new AgentTree(registry, { access: AGENT.access, log: registry.log, transfers }),
    registry.log,
  );
  onTestFinished(() => server.close());
  return server;
}

/** Pieces of an upload; `between` is done when some of them were sent and waits to be read on. */
async function* pieces(between: () => Promise<void> = async () => {}): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(CONTENT);
  for (let at = 0; at < bytes.length; at += 100_000) {
    yield bytes.subarray(at, at + 100_000);
    if (at === 2_000_000) await between();
  }
}

describe('no descriptor stays open after an upload', () => {
  test('that is complete', async () => {
    const registry = await openRegistry();
    const client = await SftpClient.start(await (await served(registry, 'operator')).open());
    await client.upload(
      'x',
      pieces(async () => expect(openFiles(registry)).toHaveLength(1)),
    );
    expect(openFiles(registry)).toEqual([]);
  });

  test('that is refused', async () => {
    const registry = await openRegistry({ maxUpload: 1_000_000 });
    const client = await SftpClient.start(await (await served(registry, 'operator')).open());
    await expect(client.upload('x', pieces())).rejects.toThrow('the upload is larger than');
    expect(openFiles(registry)).toEqual([]);
  });

  test('that is cut off, with its session or with its connection', async () => {
    const registry = await openRegistry();
    const server = await served(registry, 'operator');
    const channel = await server.open();
    const ended = (await SftpClient.start(channel)).upload(
      'x',
      pieces(async () => void channel.destroy()),
    );
    await expect(ended).rejects.toThrow();
    await server.ended(1);
    expect(openFiles(registry)).toEqual([]);
    const cut = (await SftpClient.start(await server.open())).upload(
      'x',
      pieces(async () => server.cut()),
    );
    await expect(cut).rejects.toThrow();
    await server.ended(2);
    await until('the files are closed', () => openFiles(registry).length === 0);
    expect([await registry.bytes.uploads(), await registry.bytes.clean()]).toEqual([[], 0]);
  });
});

test('no descriptor stays open of an archive that is read, or whose reader is gone', async () => {
  const registry = await openRegistry();
  await addText(registry, 'code', 'v1', CONTENT);
  await registry.configurations.put({ author: OPERATOR, command: 'x' }, 'p', [
    { component: 'code', version: 'v1' },
  ]);
  const server = await served(registry, 'agent');
  const path = `files/${hashOf(CONTENT)}`;
  const client = await SftpClient.start(await server.open());
  for await (const _part of client.read(path)) expect(openFiles(registry)).toHaveLength(1);
  expect(openFiles(registry)).toEqual([]);
  await client.openFile(path);
  expect(openFiles(registry)).toHaveLength(1);
  server.cut();
  await server.ended(1);
  await until('the file is closed', () => openFiles(registry).length === 0);
});
